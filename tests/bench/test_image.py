"""The image for pods and container hosts, unpacked by umoci and run by crun, as root and without a network.

NVIDIA's runtime is not there: what it does is done by hand, with the stand-ins for the driver's libraries.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from gpucarve.bench import answered
from gpucarve.bench.asking import FORMAT, WORKLOADS
from gpucarve.bench.codec import NoReport
from gpucarve.bench.reports import Standing
from scripts import image, oci
from tests.house.tracked import ROOT
from tests.parts import leave_out

LIBRARIES = "/usr/lib/x86_64-linux-gnu"  # where NVIDIA's runtime puts them in a Debian
Ran = subprocess.CompletedProcess[str]
Container = Callable[..., Ran]
pytestmark = pytest.mark.xdist_group("workloads")  # the stand-ins are compiled, and the image is built, once

# A hierarchy of control groups in a mount namespace of its own, for crun knows no machine that has both versions.
_CRUN = 'mount -t cgroup2 none /sys/fs/cgroup && exec crun --cgroup-manager=disabled run --bundle "$1" "$2"'


def _missing() -> str:
    absent = [name for name in ("apt-get", "crun", "umoci", "unshare") if shutil.which(name) is None]
    if absent:
        return f"{', '.join(absent)} are not installed here: make parts"
    return "" if os.geteuid() == 0 else "unpacking and running the image needs root"


@pytest.fixture(scope="session")
def built() -> Path:
    """The image, from the cache or built."""
    if missing := _missing():
        leave_out(missing)
    try:
        return image.obtained(print)
    except image.CannotBuild as error:
        leave_out(str(error))


@pytest.fixture(scope="session")
def bundle(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The image unpacked by umoci, with the configuration that it makes of it."""
    folder = tmp_path_factory.mktemp("image")
    with tarfile.open(built) as tar:
        tar.extractall(folder / "layout", filter="data")
    unpack = ("umoci", "unpack", "--image", f"{folder / 'layout'}:{image.NAME}", str(folder / "bundle"))
    subprocess.run(unpack, check=True, capture_output=True)
    return folder / "bundle"


@pytest.fixture
def container(bundle: Path, tmp_path: Path) -> Container:
    """Runs the image with other arguments, or another program, on a root that cannot be written."""

    def ran(*arguments: str, driver: Path | None = None, program: tuple[str, ...] = ()) -> Ran:
        config: dict[str, Any] = json.loads((bundle / "config.json").read_text())
        process = config["process"]
        process["terminal"] = False
        if program:
            process["args"] = list(program)
        elif arguments:
            process["args"] = process["args"][:-1] + list(arguments)  # the last one is the image's own argument
        config["root"] = {"path": str(bundle / "rootfs"), "readonly": True}
        for name in ("libcuda.so.1", "libnvidia-ml.so.1") if driver else ():
            place = {"destination": f"{LIBRARIES}/{name}", "source": f"{driver}/{name}"}
            config["mounts"].append(place | {"type": "bind", "options": ["bind", "ro"]})
        (tmp_path / "config.json").write_text(json.dumps(config))
        command = ("unshare", "--mount", "sh", "-c", _CRUN, "sh", str(tmp_path), f"gpucarve-{os.getpid()}")
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return ran


def test_the_same_packages_and_program_make_the_same_bytes(built: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.tar"
    digest = image.build(again, built.parents[1] / "packages")
    assert again.read_bytes() == built.read_bytes()
    assert oci.digest(built) == digest


def test_nothing_in_it_is_younger_than_source_date_epoch(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1600000000")
    path = tmp_path / "old.tar"
    assert image.build(path, built.parents[1] / "packages") != oci.digest(built)
    with tarfile.open(path) as tar:
        for header in tar.getmembers():
            content = tar.extractfile(header)
            blob = content.read() if content else b""
            if blob.startswith(b"\x1f\x8b"):
                with tarfile.open(fileobj=tar.extractfile(header)) as layer:
                    assert max(int(each.mtime) for each in layer) <= 1600000000
            elif b'"created"' in blob:
                assert json.loads(blob)["created"] == "2020-09-13T12:26:40Z"


def test_it_adds_vectors_by_itself_asks_for_every_gpu_and_brings_no_library_of_nvidias(bundle: Path) -> None:
    process = json.loads((bundle / "config.json").read_text())["process"]
    assert {"NVIDIA_VISIBLE_DEVICES=all", "NVIDIA_DRIVER_CAPABILITIES=compute,utility"} <= set(process["env"])
    assert process["args"][-1] == "vectoradd"
    names = [path.name for path in (bundle / "rootfs").rglob("*")]
    assert len(names) > 500
    assert [name for name in names if name.startswith(("libcuda", "libnv", "libcublas", "nvidia"))] == []
    assert not list((bundle / "rootfs" / "usr" / "bin").glob("*sh"))
    for package in (bundle / "rootfs" / "var" / "lib" / "dpkg" / "status.d").iterdir():
        assert (bundle / "rootfs" / "usr" / "share" / "doc" / package.name / "copyright").exists(), package.name


def test_without_a_driver_its_workloads_are_refused_by_name(container: Container) -> None:
    run = container("devices", "vectoradd")
    assert run.returncode == 3, run.stderr
    for name in ("devices", "vectoradd"):
        assert f"{name}: REFUSED: cuda: libcuda.so.1 cannot be loaded" in run.stderr
    assert "have the NVIDIA runtime add its libraries" in run.stderr
    report = answered.read(run.stdout.encode(), "pod")
    assert [each.standing for each in report.workloads] == [Standing.REFUSED] * 2


def test_with_the_drivers_libraries_put_in_its_workloads_pass(container: Container, libraries: Path) -> None:
    names = ("vectoradd", "copy")
    run = container(*(json.dumps({"workload": name, "bytes": 16384, "samples": 1}) for name in names), driver=libraries)
    assert run.returncode == 0, run.stderr
    for name in names:
        assert f"{name}: PASSED on stand-in for a GPU: " in run.stderr
    report = answered.read((run.stdout + run.stderr).encode(), "pod")
    assert [each.name for each in report.workloads] == list(names)
    assert [device.name for device in report.devices] == ["stand-in for a GPU"]
    for told in report.workloads:
        assert told.checks
        assert all(check.wrong == 0 for check in told.checks)
        assert told.facts["monitor"]["driver"] == "570.00"


def test_it_runs_as_nobody_in_particular_where_nothing_can_be_written(container: Container) -> None:
    look = "import os; print(os.getuid(), os.getgid(), os.access('/', os.W_OK), os.access('/tmp', os.W_OK))"
    run = container(program=(f"/usr/bin/{image.PYTHON}", "-c", look))
    assert run.stdout == f"{image.USER} {image.USER} False False\n", run.stderr


def test_what_it_lacks_and_what_it_does_not_know_end_with_their_own_status(
    container: Container, libraries: Path
) -> None:
    run = container('{"workload": "matmul", "bytes": 65536}', "nonsense", driver=libraries)
    assert run.returncode == 64
    assert "there is no workload 'nonsense'; there are devices, vectoradd" in run.stderr
    run = container('{"workload": "matmul", "bytes": 65536}', driver=libraries)
    assert run.returncode == 3
    assert "matmul: REFUSED: there is no libcublas.so.13" in run.stderr


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the image starts, as a file."""
    path = tmp_path_factory.mktemp("program") / "runner.pyz"
    path.write_bytes(image.program())
    return path


@pytest.mark.pocl
def test_wrong_results_end_with_3_and_are_told(program: Path, tmp_path: Path) -> None:
    spoiled = tmp_path / "spoiled.pyz"
    with zipfile.ZipFile(program) as good, zipfile.ZipFile(spoiled, "w") as bad:
        for name in good.namelist():
            bad.writestr(name, good.read(name).replace(b"x.w += y.w;", b"x.w += y.z;"))
    asked = '{"workload": "vectoradd", "interface": "opencl", "bytes": 65536, "samples": 1}'
    for path, status, word in ((program, 0, "PASSED"), (spoiled, 3, "FAILED")):
        run = subprocess.run((sys.executable, "-I", "-B", path, asked), capture_output=True, text=True, check=False)
        assert (run.returncode, f"vectoradd: {word} on " in run.stderr) == (status, True), run.stderr


@pytest.mark.parametrize("arguments", [(), ("{broken",), ("[]",), ("vectorad",)])
def test_what_names_no_workload_is_misuse(program: Path, arguments: tuple[str, ...]) -> None:
    run = subprocess.run((sys.executable, "-I", "-B", program, *arguments), capture_output=True, text=True, check=False)
    assert run.returncode == 64
    assert "there are devices, vectoradd, copy" in run.stderr


def test_a_log_that_holds_no_whole_answer_is_no_report() -> None:
    cut_off = json.dumps({"format": FORMAT, "workload": "copy"})[:-5].encode()
    assert answered.is_log(cut_off)
    with pytest.raises(NoReport):
        answered.read(cut_off, "pod.log")


def test_the_pods_of_the_documentation_run_workloads_that_there_are() -> None:
    text = (ROOT / "docs" / "bench.md").read_text("utf-8")
    pods = [yaml.safe_load(block.split("```")[0]) for block in text.split("```yaml\n")[1:]]
    assert len(pods) == 2
    asked = []
    for pod in pods:
        (inside,) = pod["spec"]["containers"]
        assert set(inside["args"]) <= set(WORKLOADS)
        assert inside["image"].startswith("localhost/gpucarve-bench:")
        assert inside["securityContext"]["runAsNonRoot"] is inside["securityContext"]["readOnlyRootFilesystem"] is True
        asked += list(inside["resources"]["limits"])
    assert asked == ["nvidia.com/gpu", "nvidia.com/mig-1g.10gb"]
