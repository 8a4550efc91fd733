"""Products of matrices by NVIDIA's own library, cuBLAS (libcublas.so), on the device that is in use.

Names, argument lists and numbers are those of NVIDIA's cuBLAS documentation and its header cublas_api.h; a test holds
them against that header where it is installed. cuBLAS stores matrices column by column. Ours lie row by row, which is
the same as their transposes lying column by column, so the factors change places: C = A B is asked for as C' = B' A'.

Boundary: ctypes to libcublas. It is found and refused here; it is no part of this program.
"""

from __future__ import annotations

import ctypes
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from gpucarve.runner.device import Buffer, Device
from gpucarve.runner.refusals import Failed, Refused

MAJORS = (13, 12, 11)  # of CUDA; before 11 a compute type was named otherwise
# Where NVIDIA's wheels put it, and its toolkit, in whose folder a loader does not look by itself.
_IN_PACKAGES = ("cu13/lib", "cublas/lib")
_ELSEWHERE = ("/usr/local/cuda/lib64",)

_int, _pointer, _handle = ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p)
_float = ctypes.POINTER(ctypes.c_float)

# What each function takes; all of them return a cublasStatus_t.
FUNCTIONS: dict[str, tuple[Any, ...]] = {
    "cublasCreate_v2": (_handle,),
    "cublasDestroy_v2": (_pointer,),
    "cublasGetVersion_v2": (_pointer, ctypes.POINTER(_int)),
    "cublasSgemm_v2": (_pointer, *[_int] * 5, _float, *[_pointer, _int] * 2, _float, _pointer, _int),
    "cublasGemmEx": (
        _pointer, *[_int] * 5, _pointer, *[_pointer, _int, _int] * 2, _pointer, _pointer, *[_int] * 4,
    ),
}  # fmt: skip

NUMBERS = {
    "CUBLAS_OP_N": 0,
    "CUBLAS_GEMM_DEFAULT": -1,
    "CUBLAS_COMPUTE_32F": 68,
    "CUBLAS_COMPUTE_32F_FAST_TF32": 77,
    "CUDA_R_32F": 0,
    "CUDA_R_16F": 2,
}
STATUSES = {
    1: "CUBLAS_STATUS_NOT_INITIALIZED",
    3: "CUBLAS_STATUS_ALLOC_FAILED",
    7: "CUBLAS_STATUS_INVALID_VALUE",
    8: "CUBLAS_STATUS_ARCH_MISMATCH",
    11: "CUBLAS_STATUS_MAPPING_ERROR",
    13: "CUBLAS_STATUS_EXECUTION_FAILED",
    14: "CUBLAS_STATUS_INTERNAL_ERROR",
    15: "CUBLAS_STATUS_NOT_SUPPORTED",
    16: "CUBLAS_STATUS_LICENSE_ERROR",
}
_NEEDS = "matrices are multiplied by NVIDIA's cuBLAS, which neither the driver nor gpucarve brings"
_FIX = (
    "bring a libcublas of the driver's CUDA or an older one (13, 12 or 11) to where it runs: CUDA's toolkit has it, "
    "or `pip install nvidia-cublas-cu12` (580 MB) for the python3 that is used there"
)


class Sides(NamedTuple):
    """A product: a matrix of `rows` x `inner` by one of `inner` x `columns`."""

    rows: int
    inner: int
    columns: int


class Precision(NamedTuple):
    """What the factors are and how they are multiplied; products are always 32-bit floats, and so are sums."""

    name: str
    factors: str  # CUDA_R_...
    compute: str  # CUBLAS_COMPUTE_...; empty for cublasSgemm, which takes 32-bit floats as they are


FLOAT32 = Precision("float32", "CUDA_R_32F", "")
TF32 = Precision("TF32", "CUDA_R_32F", "CUBLAS_COMPUTE_32F_FAST_TF32")
FLOAT16 = Precision("float16", "CUDA_R_16F", "CUBLAS_COMPUTE_32F")


class Library:
    """libcublas on the device that was opened. Raises Refused where it is not there or does not serve this device."""

    def __init__(self, device: Device) -> None:
        if device.interface != "cuda":
            raise Refused(
                f"{device.name} is spoken to through {device.interface}",
                "matrices are multiplied by NVIDIA's cuBLAS, which serves CUDA devices alone",
                "name an NVIDIA GPU, and --interface cuda",
            )
        self._library, where = _loaded(int(device.facts()["cuda_driver"]) // 1000)
        self._functions = {}
        for name, takes in FUNCTIONS.items():
            function = getattr(self._library, name)
            function.argtypes, function.restype = takes, _int
            self._functions[name] = function
        self._handle = _pointer()
        status = self._functions["cublasCreate_v2"](ctypes.byref(self._handle))
        if status != 0:
            raise Refused(
                f"{where}: cublasCreate: {STATUSES.get(status, status)}",
                "a release of cuBLAS serves the GPUs and drivers that its notes name, and needs some memory",
                "bring another release, and see with nvidia-smi what else uses the GPU",
            )
        version = _int()
        self._call("cublasGetVersion_v2", self._handle, ctypes.byref(version))
        self.version = version.value

    def close(self) -> None:
        """Give its memory back."""
        self._call("cublasDestroy_v2", self._handle)

    def multiply(self, precision: Precision, sides: Sides, a: Buffer, b: Buffer, product: Buffer) -> None:
        """Put A B in `product`, behind what was given to the device before; returns before it is done."""
        one, nought = ctypes.c_float(1.0), ctypes.c_float(0.0)
        rows, inner, columns = sides
        n, kind, float32 = (NUMBERS[each] for each in ("CUBLAS_OP_N", precision.factors, "CUDA_R_32F"))
        factors = (self._handle, n, n, columns, rows, inner, ctypes.byref(one))
        if not precision.compute:
            self._call(
                "cublasSgemm_v2", *factors, b.handle, columns, a.handle, inner, ctypes.byref(nought), product.handle,
                columns,
            )  # fmt: skip
            return
        self._call(
            "cublasGemmEx", *factors, b.handle, kind, columns, a.handle, kind, inner, ctypes.byref(nought),
            product.handle, float32, columns, NUMBERS[precision.compute], NUMBERS["CUBLAS_GEMM_DEFAULT"],
        )  # fmt: skip

    def _call(self, name: str, *arguments: Any) -> None:
        status = self._functions[name](*arguments)
        if status != 0:
            raise Failed(f"{name}: {STATUSES.get(status, f'error {status}')}")


def _loaded(driver: int) -> tuple[ctypes.CDLL, str]:
    """The newest libcublas that a driver of this major version of CUDA can serve, and its name or place."""
    found = []
    for major in MAJORS:
        for place in _places(f"libcublas.so.{major}"):
            try:
                library = ctypes.CDLL(place)
            except OSError as error:
                if "/" in place:
                    found.append(f"{place} cannot be loaded ({error})")
                continue
            if major <= driver:
                return library, place
            found.append(f"{place} is of CUDA {major}, and the driver speaks CUDA {driver}")
    names = ", ".join(f"libcublas.so.{major}" for major in MAJORS)
    raise Refused("; ".join(found) or f"there is no {names}", _NEEDS, _FIX)


def _places(name: str) -> list[str]:
    """What to load: the name, for the loader to find, and files of that name in NVIDIA's packages and toolkit."""
    spec = find_spec("nvidia")
    packages = spec.submodule_search_locations if spec is not None else None
    folders = [Path(package, inside) for package in packages or () for inside in _IN_PACKAGES]
    files = [folder / name for folder in (*folders, *map(Path, _ELSEWHERE))]
    return [name, *(str(file) for file in files if file.exists())]
