"""Compiles the kernels of `gpucarve.runner` ahead: CUDA C++ to PTX, by NVIDIA's nvrtc, which needs no GPU.

`make kernels` writes the PTX files that are part of the package; a test compiles them again and compares. They are
compiled for compute capability 5.2 (Maxwell): a driver compiles them further for the GPU it has. The compiler stamps
its own PTX version on them, which an older driver refuses; they use nothing that PTX 6.0 (CUDA 9) lacks, and say so.
That this is true is NVIDIA's assembler's to judge, in the tests.
"""

from __future__ import annotations

import ctypes
import re
from importlib.util import find_spec
from pathlib import Path

KERNELS = Path(__file__).resolve().parents[1] / "src" / "gpucarve" / "runner" / "kernels"
SOURCES = ("memory", "hash", "matrix")
PTX_VERSION = "6.0"
_OPTIONS = (b"--gpu-architecture=compute_52", b"--std=c++14", b"-w")


def nvidia(package: str, *inside: str) -> Path | None:
    """A file of one of NVIDIA's wheels, where it is installed."""
    spec = find_spec("nvidia")
    places = spec.submodule_search_locations if spec else None
    found = (Path(place).joinpath(package, *inside) for place in places or ())
    return next((path for path in found if path.exists()), None)


def compiled(source: str) -> str:
    """The PTX of `kernels/SOURCE.c`. Raises RuntimeError with what the compiler said."""
    library = nvidia("cuda_nvrtc", "lib", "libnvrtc.so.12")
    if library is None:
        raise RuntimeError("nvrtc is not installed: pip install nvidia-cuda-nvrtc-cu12")
    nvrtc = ctypes.CDLL(str(library))
    text = (KERNELS / "dialect.h").read_bytes() + (KERNELS / f"{source}.c").read_bytes()
    program = ctypes.c_void_p()
    _check(nvrtc.nvrtcCreateProgram(ctypes.byref(program), text, f"{source}.c".encode(), 0, None, None))
    status = nvrtc.nvrtcCompileProgram(program, len(_OPTIONS), (ctypes.c_char_p * len(_OPTIONS))(*_OPTIONS))
    if status != 0:
        raise RuntimeError(_said(nvrtc, program, "ProgramLog"))
    return re.sub(r"^\.version .*$", f".version {PTX_VERSION}", _said(nvrtc, program, "PTX"), flags=re.MULTILINE)


def _said(nvrtc: ctypes.CDLL, program: ctypes.c_void_p, what: str) -> str:
    size = ctypes.c_size_t()
    _check(getattr(nvrtc, f"nvrtcGet{what}Size")(program, ctypes.byref(size)))
    text = ctypes.create_string_buffer(size.value)
    _check(getattr(nvrtc, f"nvrtcGet{what}")(program, text))
    return text.value.decode()


def _check(status: int) -> None:
    if status != 0:
        raise RuntimeError(f"nvrtc: error {status}")


def main() -> None:
    """Write the PTX files."""
    for source in SOURCES:
        text = compiled(source)
        (KERNELS / f"{source}.ptx").write_text(text, "ascii")
        print(f"{source}.ptx: {len(text)} bytes")


if __name__ == "__main__":
    main()
