"""Whether the driver and the tools that a draft counts on are there, and fit the GPUs.

Boundary: rules on steps and one snapshot; which versions go together is the catalog's. A driver that is installed and
not loaded (nouveau holds the GPU until the next boot) is told by its tools.
Sources: openstack/nova docs, virtual GPU (hosts without mediated devices: Ubuntu 24.04, RHEL 10); NVIDIA/mig-parted
README, known issues (nvidia_drm keeps a GPU from its reset), and its deployments/systemd (nvidia-mig-manager.service).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from gpucarve import catalog
from gpucarve.catalog import GpuModel, mig_rules, versions, vgpu_software
from gpucarve.facts import driver, mediated, modules, pci, users, vendor_vfio
from gpucarve.facts.observed import Observed
from gpucarve.model.changes import Action, DisruptionKind
from gpucarve.model.findings import Finding, Verdict
from gpucarve.model.pci import PciAddress
from gpucarve.plan.plans import Step
from gpucarve.resources.host import instances, mig_mode, slots, virtual_functions

_BY_DRIVER = frozenset({virtual_functions.KIND, slots.KIND, mig_mode.KIND, instances.KIND})
_VGPU = frozenset({virtual_functions.KIND, slots.KIND})
_MIG = frozenset({mig_mode.KIND, instances.KIND})
_VGPU_MODULE, _DISPLAY_MODULE = "nvidia_vgpu_vfio", "nvidia_drm"


def findings(steps: Sequence[Step], observed: Observed) -> Iterator[Finding]:
    """Why the driver of this host cannot do what these steps ask of it."""
    kinds = {step.key.kind for step in steps if step.action in (Action.CREATE, Action.CHANGE)}
    if _BY_DRIVER.isdisjoint(kinds):
        return
    tools = observed.require(driver.PROBE)
    if kinds & _VGPU and not tools.sriov_manage:
        fact = f"{driver.SRIOV_MANAGE} is missing"
        yield _finding(observed, fact, "vGPUs need NVIDIA's vGPU host driver", "install it, of a release for this GPU")
    elif kinds & _MIG and not tools.nvidia_smi:
        yield _finding(observed, "nvidia-smi is missing", "MIG is set up by NVIDIA's driver", "install the driver")
    if slots.KIND in kinds and not tools.mdevctl:
        yield _finding(observed, "mdevctl is missing", "it makes the vGPUs", "install the package mdevctl", "mdevctl")
    if kinds & _VGPU:
        yield from _other_back_end(observed)
    if kinds & _MIG:
        yield from _other_writer(observed)
    if any(step.key.kind == mig_mode.KIND and _resets(step, observed) for step in steps):
        yield from _keeps_from_reset(observed)
    if tools.version:
        for address in sorted({_gpu(step) for step in steps if step.key.kind in _BY_DRIVER}):
            model = _model(address, observed)
            if model is not None:
                on_gpu = {step.key.kind for step in steps if step.key.kind in _BY_DRIVER and _gpu(step) == address}
                yield from _too_old(model, address, tools.version, bool(on_gpu & _VGPU), bool(on_gpu & _MIG), observed)


def _other_back_end(observed: Observed) -> Iterator[Finding]:
    """A host whose vGPUs are numbers written to virtual functions: told before any are turned on for nothing."""
    taken = next(iter(observed.require(vendor_vfio.PROBE).by_vf), None)
    if taken is not None:
        fact = f"the vGPU type of {taken} is set in {pci.sysfs(taken, 'nvidia/current_vgpu_type')}"
    elif _VGPU_MODULE in observed.require(modules.PROBE).loaded and not observed.require(mediated.PROBE).bus:
        fact = f"{_VGPU_MODULE} is loaded, and the kernel has no mediated devices ({mediated.BUS} is not there)"
    else:
        return
    rule = (
        "NVIDIA's driver makes vGPUs through its own VFIO driver there, and this release makes mediated devices alone"
    )
    fix = "use an operating system with mediated vGPUs (Ubuntu 24.04 and RHEL 10 have none), or cut by passthrough"
    yield _finding(observed, fact, rule, fix, "vGPU back-end")


def _other_writer(observed: Observed) -> Iterator[Finding]:
    """A service that would set the MIG modes and instances of all GPUs anew, at the next boot."""
    service = observed.require(users.PROBE).services.get(users.MIG_MANAGER)
    if service and service.enabled:
        rule = (
            "at each boot it gives all GPUs the MIG configuration that it was told last, or none: only one may do that"
        )
        fix = f"run `systemctl disable {users.MIG_MANAGER}`"
        yield _finding(observed, f"{users.MIG_MANAGER}.service is enabled", rule, fix, "other writers")


def _resets(step: Step, observed: Observed) -> bool:
    """Whether a change of MIG mode takes a reset on this GPU."""
    model = _model(_gpu(step), observed)
    change = mig_rules.mode_change(model) if model else None
    return step.disruption.kind is DisruptionKind.GPU_RESET and (change is None or change.mode_change != "none")


def _keeps_from_reset(observed: Observed) -> Iterator[Finding]:
    if _DISPLAY_MODULE in observed.require(modules.PROBE).loaded:
        rule = "with mode setting on it has every GPU open, and then none of them can be reset for its MIG mode"
        fix = f"if the reset fails, run `modprobe -r {_DISPLAY_MODULE}` and apply again"
        finding = _finding(observed, f"the kernel module {_DISPLAY_MODULE} is loaded", rule, fix)
        yield replace(finding, warning=True)


def _too_old(
    model: GpuModel, gpu: PciAddress, version: str, vgpu: bool, mig: bool, observed: Observed
) -> Iterator[Finding]:
    where = f"{gpu} ({model.name})"
    if model.min_driver and versions.key(version) < versions.key(model.min_driver):
        fact = f"{where} runs under driver {version}"
        yield _finding(observed, fact, f"it needs {model.min_driver} or newer", "install a newer driver")
    if mig and version in model.mig_broken_drivers:
        yield _finding(observed, f"{where} runs under driver {version}", "MIG does not work with it", "install another")
    first = vgpu_software.first_release(model.id) if vgpu else None
    branch = vgpu_software.branch_of_driver(version) if vgpu else None
    if first and branch and branch.major < versions.key(first)[0]:
        fact = f"{where} runs under vGPU software {branch.major} (driver {version})"
        yield _finding(observed, fact, f"release {first} is the first for it", "install a newer vGPU host driver")


def _model(gpu: PciAddress, observed: Observed) -> GpuModel | None:
    function = observed.require(pci.PROBE).by_address.get(gpu)
    return catalog.load().gpu(function.device, function.subsystem) if function else None


def _gpu(step: Step) -> PciAddress:
    return PciAddress.parse(step.key.subject.partition("#")[0])


def _finding(observed: Observed, fact: str, rule: str, fix: str, check: str = "driver") -> Finding:
    return Finding(observed.target, check, Verdict.DIFFERS, fact, rule, fix)
