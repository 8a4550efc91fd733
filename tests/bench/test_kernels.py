"""The CUDA side, as far as it can be judged without a GPU: by NVIDIA's own compiler, assembler and header.

What nobody has judged yet is told in docs/bench.md: that a GPU runs it.
"""

from __future__ import annotations

import ctypes
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gpucarve import catalog
from gpucarve.bench import asking, judging
from gpucarve.bench.reports import Standing
from gpucarve.runner import cuda
from gpucarve.runner.cuda_attributes import ATTRIBUTES, NAMES
from scripts import kernels
from tests.bench.conftest import answer

HEADER = kernels.nvidia("cuda_runtime", "include", "cuda.h")
ASSEMBLER = kernels.nvidia("cuda_nvcc", "bin", "ptxas")
needs_nvidia = pytest.mark.skipif(
    HEADER is None or ASSEMBLER is None, reason="NVIDIA's compiler wheels are for x86-64 alone"
)


@needs_nvidia
@pytest.mark.parametrize("source", kernels.SOURCES)
def test_the_ptx_that_is_shipped_is_what_its_source_compiles_to(source: str) -> None:
    assert (kernels.KERNELS / f"{source}.ptx").read_text() == kernels.compiled(source), "run `make kernels`"


@needs_nvidia
@pytest.mark.parametrize("source", kernels.SOURCES)
def test_nvidias_assembler_takes_the_ptx_for_every_generation_that_can_have_it(source: str, tmp_path: Path) -> None:
    """From the oldest it was compiled for to the newest that the assembler knows, one a generation of the catalog."""
    known = {model.compute_capability for model in catalog.load().gpus()}
    wanted = sorted({c.replace(".", "") for c in known if tuple(map(int, c.split("."))) >= cuda.OLDEST_CAPABILITY})
    newest_of_each = {each[:-1]: each for each in wanted}
    assert {"5", "7", "8", "9"} <= set(newest_of_each)
    for architecture in newest_of_each.values():
        out = tmp_path / f"{architecture}.cubin"
        ptx = kernels.KERNELS / f"{source}.ptx"
        run = subprocess.run(
            (str(ASSEMBLER), f"-arch=sm_{architecture}", "-O1", str(ptx), "-o", str(out)),
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, (architecture, run.stderr)
        assert out.stat().st_size > 0


@needs_nvidia
def test_every_attribute_has_the_number_of_nvidias_header() -> None:
    header = (HEADER or Path()).read_text()
    numbers = dict(re.findall(r"CU_DEVICE_ATTRIBUTE_(\w+)\s*=\s*(\d+)", header))
    assert {fact: int(numbers[NAMES[fact]]) for fact in ATTRIBUTES} == ATTRIBUTES


_KINDS = {
    "unsigned int": ctypes.c_uint,
    "int": ctypes.c_int,
    "CUdevice": ctypes.c_int,
    "CUdevice_attribute": ctypes.c_int,
    "CUresult": ctypes.c_int,
    "size_t": ctypes.c_size_t,
    "CUdeviceptr": ctypes.c_uint64,
}


@needs_nvidia
def test_every_function_takes_what_nvidias_header_says() -> None:
    header = (HEADER or Path()).read_text()
    for name, takes in cuda.FUNCTIONS.items():
        plain = name.removesuffix("_v2")
        match = re.search(rf"^CUresult CUDAAPI {plain}\s*\(([^)]*)\);", header, re.MULTILINE)
        match = match or re.search(rf"^CUresult CUDAAPI {name}\s*\(([^)]*)\);", header, re.MULTILINE)
        assert match is not None, name
        told = [each.strip() for each in match[1].split(",")]
        assert len(told) == len(takes), name
        if plain not in {name, "cuDeviceGetUuid"}:
            assert re.search(rf"#define\s+{plain}\s+.*{plain}_v2", header), f"{name} is not what the header means"
        for words, kind in zip(told, takes, strict=True):
            declared = re.sub(r"\bconst\b|\w+$", "", words).strip()
            if "*" in words or declared not in _KINDS:  # a pointer, or a handle that is one
                assert ctypes.sizeof(kind) == ctypes.sizeof(ctypes.c_void_p), (name, words)
            else:
                assert kind is _KINDS[declared], (name, words)


def test_every_kernel_that_a_workload_names_is_in_the_ptx() -> None:
    folder = kernels.KERNELS.parent
    named = set(
        re.findall(r'kernel\("(?:memory|hash|matrix)", "(\w+)"\)', "".join(p.read_text() for p in folder.glob("*.py")))
    )
    named |= set(re.findall(r'Way\(\s*"[^"]+",\s*"(\w+)"', (folder / "transposing.py").read_text()))
    named |= {f"{kind}_{name}" for kind in ("digests", "search") for name in ("md5", "sha1", "sha256")}
    named |= {"fill_numbers", "fill_halves"}
    entries = set()
    for source in kernels.SOURCES:
        entries |= set(re.findall(r"\.entry (\w+)\(", (kernels.KERNELS / f"{source}.ptx").read_text()))
    assert len(named) >= 18
    assert named == entries


def test_where_there_is_no_driver_cuda_is_refused_with_what_to_install() -> None:
    if (
        subprocess.run(
            (sys.executable, "-c", f"import ctypes; ctypes.CDLL({cuda.LIBRARY!r})"), stderr=-3, check=False
        ).returncode
        == 0
    ):
        pytest.skip("this machine has NVIDIA's driver")  # it is about machines without, and CI is one
    told = answer("vectoradd", asking.Wish(interface="cuda"))
    assert not isinstance(told, asking.Refusal), told
    done = judging.judged("vectoradd", told)
    assert done.standing is Standing.REFUSED
    assert "libcuda.so.1 cannot be loaded" in done.why
    assert "install NVIDIA's driver" in done.fix
    assert json.dumps(told)
