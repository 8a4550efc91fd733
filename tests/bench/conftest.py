"""PoCL, a processor that acts as a device, on which every kernel and check runs for real; and stand-ins for NVIDIA's
libraries, which are compiled against its headers."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from gpucarve.app import benches
from gpucarve.bench import asking, judging
from gpucarve.bench.asking import Wish
from gpucarve.bench.reports import Workload
from gpucarve.calls.primitives import Inspect
from gpucarve.transports.local import LocalTransport
from scripts import kernels
from tests.parts import leave_out

DRIVER = Path("/etc/OpenCL/vendors/pocl.icd")
FOLDER = Path(__file__).parent / "standin"
HEADERS = kernels.nvidia("cuda_runtime", "include")
MORE_HEADERS = [kernels.nvidia("cuda_nvcc", "include"), kernels.nvidia("cublas", "include")]  # the last one is rare
Run = Callable[..., Workload]
SMALL = Wish(interface="opencl", bytes=1 << 20, samples=2)


@pytest.fixture(autouse=True)
def _pocl(request: pytest.FixtureRequest) -> None:
    """Leave out what needs PoCL where there is none, which CI must have."""
    if request.node.get_closest_marker("pocl") and not DRIVER.exists():
        leave_out("PoCL is not installed here (Debian: pocl-opencl-icd)")


@cache
def answer(workload: str, wish: Wish = SMALL) -> Mapping[str, Any] | asking.Refusal:
    """What this machine's runner says, sent as to any host; asked once."""
    return asyncio.run(asked(workload, wish, benches.archive()))


def answer_of(archive: bytes, workload: str) -> Mapping[str, Any] | asking.Refusal:
    """The same of another archive."""
    return asyncio.run(asked(workload, SMALL, archive))


async def asked(workload: str, wish: Wish, archive: bytes) -> Mapping[str, Any] | asking.Refusal:
    """Send an archive to this machine, and return what it says."""
    flow = asking.run(workload, wish, archive)
    host = LocalTransport()
    try:
        call = next(flow)
        assert isinstance(call, Inspect)
        replies = await host.gather((call,))
        assert isinstance(replies, tuple), replies
        flow.send(replies[0])
    except StopIteration as stop:
        found: Mapping[str, Any] | asking.Refusal = stop.value
        return found
    finally:
        await host.close()
    raise AssertionError("the flow asked a second time")


@pytest.fixture(scope="session")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the stand-ins, compiled."""
    if HEADERS is None:
        leave_out("NVIDIA's headers are not installed here")
    if shutil.which("g++") is None:
        leave_out("g++ is not installed here")
    folder = tmp_path_factory.mktemp("cuda")
    shared = ("g++", "-O1", "-w", "-shared", "-fPIC", "-static-libstdc++", "-static-libgcc")  # the image has neither
    cuda = ("-std=c++17", "-I", HEADERS, "-I", kernels.KERNELS, FOLDER / "libcuda.cc", "-o", folder / "libcuda.so.1")
    nvml = ("-x", "c", FOLDER / "libnvidia-ml.c", "-o", folder / "libnvidia-ml.so.1")
    headers = [word for each in (HEADERS, *MORE_HEADERS) if each for word in ("-I", each)]
    cublas = ("-std=c++17", *headers, FOLDER / "libcublas.cc", "-o", folder / "libcublas.so.12")
    for command in (cuda, cublas):
        subprocess.run(tuple(map(str, (*shared, *command))), check=True)
    subprocess.run(tuple(map(str, ("gcc", *shared[1:5], *nvml))), check=True)
    return folder


@pytest.fixture
def run(libraries: Path) -> Run:
    """Runs a workload as a host would that has this driver."""

    def judged(
        name: str,
        *,
        interface: str = "cuda",
        size: int = 1 << 18,
        visible: str = "",
        archive: bytes = b"",
        **environment: str,
    ) -> Workload:
        wish = asking.Wish(interface, bytes=size, samples=2, visible=visible)
        call = next(asking.run(name, wish, archive or benches.archive()))
        assert isinstance(call, Inspect)
        program = subprocess.run(
            (sys.executable, *call.argv[1:]), input=call.stdin, capture_output=True, check=True,
            env={"LD_LIBRARY_PATH": str(libraries), **environment},
        )  # fmt: skip
        answer: dict[str, Any] = json.loads(program.stdout)
        return judging.judged(name, answer)

    return judged
