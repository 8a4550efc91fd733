"""`matmul` through cuBLAS' functions, on stand-ins for the driver and for cuBLAS that compute on a processor."""

from __future__ import annotations

import ctypes
import re
import shutil
import struct
from array import array
from pathlib import Path

import pytest

from gpucarve.bench.reports import Standing
from gpucarve.runner import cublas, multiplying, patterns
from gpucarve.runner.device import U32, U64, Shape
from gpucarve.runner.finding import chosen
from scripts import kernels
from tests.bench.conftest import HEADERS, Run
from tests.bench.spoiling import spoiled

HEADER = kernels.nvidia("cublas", "include", "cublas_api.h")
PRECISIONS = ("float32", "TF32", "float16")
SIDE_64 = 64 * 64 * 4
pytestmark = pytest.mark.xdist_group("workloads")  # the stand-ins are compiled once a process


def test_matrices_are_multiplied_in_three_precisions_and_every_product_is_right(run: Run) -> None:
    done = run("matmul", size=SIDE_64)
    assert done.standing in (Standing.SHARE, Standing.RUNS, Standing.UNSTABLE), done.verdict()
    assert [(check.what, check.by, check.wrong, check.of) for check in done.checks] == [
        told
        for name in PRECISIONS
        for told in ((f"{name}, small", "host", 0, 40 * 64), (name, "host", 0, 16), (name, "device", 0, 64))
    ]
    assert [(figure.name, figure.unit) for figure in done.figures] == [(name, "FLOP") for name in PRECISIONS]
    assert (done.facts["side"], done.facts["cublas"]) == (64, 120903)


def test_each_precision_is_held_against_its_own_pipe_at_the_clock_that_was_read(run: Run) -> None:
    limits = {figure.name: figure.limits[0] for figure in run("matmul", size=SIDE_64).figures}
    clocks = 2 * 1980e6  # of the stand-in's two multiprocessors
    assert {name: limit.rate / clocks for name, limit in limits.items()} == {
        "float32": 256, "TF32": 2048, "float16": 4096,
    }  # fmt: skip
    assert "white papers" in limits["TF32"].source
    assert "Programming Guide" in limits["float32"].source


def test_a_generation_without_tf32_is_not_asked_for_it(run: Run) -> None:
    done = run("matmul", size=SIDE_64, STANDIN_CAPABILITY="7")
    assert [figure.name for figure in done.figures] == ["float32", "float16"]


ALL = {*PRECISIONS, *(f"{name}, small" for name in PRECISIONS)}
FLOAT16_AS_32 = {'"float16", "CUDA_R_16F"': '"float16", "CUDA_R_32F"'}


@pytest.mark.parametrize(
    ("slips", "blamed"),
    [
        (
            {  # a leading dimension of the one function, beta of the other
                "a.handle, inner,": "a.handle, columns,",
                "kind, inner, ctypes.byref(nought)": "kind, inner, ctypes.byref(one)",
            },
            ALL - {"float32"},
        ),
        (
            {"b.handle, columns, a.handle,": "a.handle, columns, b.handle,"} | FLOAT16_AS_32,
            ALL - {"TF32", "TF32, small"},
        ),
        ({"n, n, columns, rows, inner, ctypes.byref(one)": "n, n, columns, rows, inner, ctypes.byref(nought)"}, ALL),
        ({"(self._handle, n, n, columns": "(self._handle, n, 1, columns"}, ALL),
    ],
    ids=("leading dimension and beta", "order of factors and their kind", "alpha", "transposed"),
)
def test_an_argument_that_is_wrong_makes_wrong_products(run: Run, slips: dict[str, str], blamed: set[str]) -> None:
    done = run("matmul", size=SIDE_64, archive=spoiled("gpucarve/runner/cublas.py", slips))
    assert done.standing is Standing.WRONG, done.verdict()
    assert {check.what for check in done.checks if check.wrong} == blamed


def test_what_cublas_does_not_take_is_a_failure_in_its_words(run: Run) -> None:
    slip = {"float32, columns, NUMBERS": "float32, columns - 1, NUMBERS"}
    done = run("matmul", size=SIDE_64, archive=spoiled("gpucarve/runner/cublas.py", slip))
    assert done.standing is Standing.FAILED
    assert "cublasGemmEx: CUBLAS_STATUS_INVALID_VALUE" in done.why


def test_float32_by_way_of_tf32_is_found_out(run: Run) -> None:
    archive = spoiled(
        "gpucarve/runner/cublas.py", {'"CUDA_R_32F", "")': '"CUDA_R_32F", "CUBLAS_COMPUTE_32F_FAST_TF32")'}
    )
    done = run("matmul", size=SIDE_64, archive=archive)
    assert {check.what for check in done.checks if check.wrong} == {"float32, small"}


def test_one_wrong_number_of_a_product_is_found_by_the_device(run: Run) -> None:
    done = run("matmul", size=SIDE_64, STANDIN_WRONG_PRODUCT="1")
    assert done.standing is Standing.WRONG
    assert [check.wrong for check in done.checks if check.by == "device"] == [1, 1, 1]


def test_where_there_is_no_cublas_it_is_refused_with_where_to_get_it(run: Run, libraries: Path, tmp_path: Path) -> None:
    for name in ("libcuda.so.1", "libnvidia-ml.so.1"):
        shutil.copy(libraries / name, tmp_path)
    done = run("matmul", LD_LIBRARY_PATH=str(tmp_path))
    if kernels.nvidia("cublas", "lib", "libcublas.so.12") is not None:
        pytest.skip("cuBLAS itself is installed here")  # it is about machines without, and CI is one
    assert done.standing is Standing.REFUSED
    assert "there is no libcublas.so.13, libcublas.so.12, libcublas.so.11" in done.why
    assert "nvidia-cublas-cu12" in done.fix


@pytest.mark.parametrize(
    ("environment", "why"),
    [
        ({"STANDIN_VERSION": "11080"}, "libcublas.so.12 is of CUDA 12, and the driver speaks CUDA 11"),
        ({"STANDIN_NO_CUBLAS": "1"}, "libcublas.so.12: cublasCreate: CUBLAS_STATUS_NOT_INITIALIZED"),
    ],
)
def test_a_cublas_that_does_not_serve_the_device_is_refused_by_its_fact(
    run: Run, environment: dict[str, str], why: str
) -> None:
    done = run("matmul", size=SIDE_64, **environment)
    assert done.standing is Standing.REFUSED
    assert why in done.why
    assert done.fix


@pytest.mark.pocl
def test_the_devices_own_check_passes_a_right_product_and_counts_wrong_rows() -> None:
    device, _ = chosen("opencl", 0)
    side = 64
    made = multiplying.squares(device, side)
    right = patterns.product(
        side, side, side, (multiplying.SEED_A, multiplying.BITS), (multiplying.SEED_B, multiplying.BITS)
    )
    device.write(made.product, right)
    assert multiplying.whole(device, "x", made)["wrong"] == 0
    for places, wrong in (({0: 1.0}, 1), ({side * side - 1: 1 / 64, 70: float("nan")}, 2), ({5: 0.001}, 1)):
        numbers = array("f", right)
        for place, more in places.items():
            numbers[place] += more
        device.write(made.product, numbers.tobytes())
        assert multiplying.whole(device, "x", made)["wrong"] == wrong, places


@pytest.mark.pocl
@pytest.mark.parametrize(("name", "kind", "bits"), [("numbers", "f", 12), ("numbers", "f", 23), ("halves", "e", 10)])
def test_numbers_that_are_filled_in_are_those_the_host_works_out(name: str, kind: str, bits: int) -> None:
    device, _ = chosen("opencl", 0)
    buffer = device.allocate(4 * 4096)
    device.kernel("matrix", f"fill_{name}").launch(Shape(4, 64), buffer, U64(4096), U32(7), U32(bits))
    found = device.read(buffer, 0, 4096 * struct.calcsize(kind))
    assert list(struct.unpack(f"<4096{kind}", found)) == patterns.numbers(range(4096), 7, bits)


@pytest.mark.pocl
def test_a_device_of_another_interface_is_refused_for_the_vendors_library(run: Run) -> None:
    done = run("matmul", interface="opencl", size=SIDE_64)
    assert done.standing is Standing.REFUSED
    assert "is spoken to through opencl" in done.why
    assert "CUDA devices alone" in done.why


def test_it_is_found_in_nvidias_packages_and_one_that_is_broken_there_is_named(
    run: Run, libraries: Path, tmp_path: Path
) -> None:
    for name in ("libcuda.so.1", "libnvidia-ml.so.1"):
        shutil.copy(libraries / name, tmp_path)
    packages = tmp_path / "site" / "nvidia"
    (packages / "cublas" / "lib").mkdir(parents=True)
    shutil.copy(libraries / "libcublas.so.12", packages / "cublas" / "lib")
    (packages / "cu13" / "lib").mkdir(parents=True)
    (packages / "cu13" / "lib" / "libcublas.so.13").write_bytes(b"no library")
    looked = "from importlib.util import find_spec\n"
    more = f"import sys\nsys.path.insert(0, {str(tmp_path / 'site')!r})\n"
    archive = spoiled("gpucarve/runner/cublas.py", {looked: looked + more})
    done = run("matmul", size=SIDE_64, archive=archive, LD_LIBRARY_PATH=str(tmp_path))
    assert done.facts["cublas"] == 120903
    (packages / "cublas" / "lib" / "libcublas.so.12").unlink()
    refused = run("matmul", size=SIDE_64, archive=archive, LD_LIBRARY_PATH=str(tmp_path))
    assert "libcublas.so.13 cannot be loaded" in refused.why


KINDS = {"int": ctypes.c_int, "cublasOperation_t": ctypes.c_int, "cudaDataType": ctypes.c_int,
         "cublasComputeType_t": ctypes.c_int, "cublasGemmAlgo_t": ctypes.c_int}  # fmt: skip


@pytest.mark.skipif(HEADER is None, reason="cuBLAS' header comes in a wheel of 580 MB (pip install nvidia-cublas-cu12)")
def test_every_function_and_number_is_that_of_nvidias_header() -> None:
    header = (HEADER or Path()).read_text()
    for name, takes in cublas.FUNCTIONS.items():
        match = re.search(rf"^CUBLASAPI cublasStatus_t CUBLASWINAPI {name}\s*\(([^)]*)\);", header, re.MULTILINE)
        assert match is not None, name
        told = [" ".join(each.split()) for each in match[1].split(",")]
        assert len(told) == len(takes), name
        for words, kind in zip(told, takes, strict=True):
            declared = re.sub(r"\bconst\b|\w+$", "", words).strip()
            if "*" in words or declared == "cublasHandle_t":
                assert ctypes.sizeof(kind) == ctypes.sizeof(ctypes.c_void_p), (name, words)
            else:
                assert kind is KINDS[declared], (name, words)
    types = ((HEADERS or Path()) / "library_types.h").read_text()
    numbers = {name: int(number) for name, number in re.findall(r"\b(CU\w+)\s*=\s*(-?\d+)\b", header + types)}
    assert {name: numbers[name] for name in cublas.NUMBERS} == cublas.NUMBERS
    statuses = {number: name for name, number in numbers.items() if name.startswith("CUBLAS_STATUS") and number}
    assert statuses == cublas.STATUSES
