# The two commands of the README are `demo` and `test`; `make help` lists the rest.

PYTHON ?= python3
VENV   ?= .venv
PY     := $(VENV)/bin/python
PIP    := $(PY) -m pip install --quiet --disable-pip-version-check --require-hashes
# Three workers: the bench's tests are three groups, each with its guests, and a guest keeps two thirds of a core busy.
PYTEST := $(PY) -m pytest -n 3 --dist loadgroup

# Tests start hundreds of processes: without this each might have to compile all of gpucarve.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo install install-all test test-fast kernel-bench kernel-every-point kernel-every-pair kernel-dracut parts lint format sizes kernels image changelog pins clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/users ## the story of one fleet on simulated hosts; needs nothing but Python
	@PATH="$(abspath $(VENV))/bin:$$PATH" bash scripts/demo.sh

install: $(VENV)/users ## gpucarve into the virtual environment .venv, with SSH

install-all: $(VENV)/extras ## the same with every extra: a solver for fit, what bench measures with

test: $(VENV)/dev parts sizes ## everything, with the bench's real kernel where it can be had
	@CI="$(CI)" PY="$(PY)" bash scripts/test.sh $(PYTEST)

test-fast: $(VENV)/dev ## everything that needs no QEMU guest
	@$(PYTEST) -m "not kernel"

kernel-bench: $(VENV)/dev ## build the bench's guest image, or find it in the cache
	@$(PY) -m tests.kernel.image.build

kernel-every-point: $(VENV)/dev ## kill an engine at every point of the story on the bench; takes hours
	@GPUCARVE_EVERY_POINT=1 $(PY) -m pytest \
		tests/kernel/test_every_point.py tests/kernel/test_kinds_crash.py tests/kernel/test_passthrough.py

kernel-every-pair: $(VENV)/dev ## each change of workload kind on the bench from a clean start; half an hour
	@GPUCARVE_EVERY_PAIR=1 $(PY) -m pytest tests/kernel/test_kinds.py

kernel-dracut: $(VENV)/dev ## the card given to a guest whose initramfs is dracut's; twenty minutes
	@$(PY) -m tests.kernel.image.dracut
	@GPUCARVE_DRACUT=1 $(PY) -m pytest tests/kernel/test_dracut.py

parts: ## install the Debian packages that tests run for real (needs root; says what it does)
	@bash scripts/parts.sh

lint: $(VENV)/dev ## ruff, mypy --strict, the contracts of the rooms
	@$(PY) -m ruff check
	@$(PY) -m ruff format --check
	@$(PY) -m mypy
	@$(VENV)/bin/lint-imports --no-logo

format: $(VENV)/dev ## let ruff lay out the code
	@$(PY) -m ruff format
	@$(PY) -m ruff check --select I --fix

sizes: $(VENV)/dev ## lines of files and functions: median, p90, and those over the habit
	@$(PY) scripts/sizes.py src tests

kernels: $(VENV)/dev ## compile the workloads' kernels anew, to the PTX that is part of the package
	@$(PY) scripts/kernels.py

image: $(VENV)/extras ## the image that runs workloads in pods, of Debian's packages, to build/gpucarve-bench.tar
	@$(PY) -m scripts.image

changelog: $(VENV)/dev ## what the next release's entry would say
	@$(PY) -m towncrier build --draft --version next

pins: ## resolve requirements/ anew; UPGRADE=--upgrade takes newer versions
	@PYTHON="$(PYTHON)" bash scripts/pins.sh $(UPGRADE)

clean: ## remove the environment, caches and build outputs
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +

$(PY):
	@PYTHON="$(PYTHON)" bash scripts/venv.sh $(VENV)

$(VENV)/users: requirements/users.txt requirements/build.txt pyproject.toml | $(PY)
	@echo "Installing what gpucarve runs on into $(VENV) (versions and hashes: requirements/users.txt)"
	@$(PIP) -r requirements/users.txt -r requirements/build.txt
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/extras: requirements/extras.txt | $(VENV)/users
	@echo "Installing gpucarve's extras into $(VENV) (versions and hashes: requirements/extras.txt)"
	@$(PIP) -r requirements/extras.txt
	@touch $@

$(VENV)/dev: requirements/dev.txt | $(VENV)/extras
	@echo "Installing what develops gpucarve into $(VENV) (versions and hashes: requirements/dev.txt)"
	@$(PIP) -r requirements/dev.txt
	@touch $@
