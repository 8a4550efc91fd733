"""What a vGPU's guest really gets: CUDA or none, and the framebuffer that its driver leaves it.

Boundary: arithmetic over the catalog's entries. Sources: NVIDIA AI Enterprise documentation, vGPU for Compute (the
formula); NVIDIA vGPU software 8.0 user guide (CUDA).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from gpucarve.catalog import loader, vgpu_software
from gpucarve.catalog.entries import GpuModel, VgpuType

# Chips whose memory is HBM, by compute capability (NVIDIA data sheets); it needs no room for ECC.
_HBM = frozenset({"6.0", "7.0", "8.0", "9.0", "10.0", "10.3"})
_BASE_MIB = 16


@dataclass(frozen=True, slots=True)
class Compression:
    """MiB that a type of a Turing board loses to compression."""

    type: str
    mib: int


def supports_cuda(kind: VgpuType, gpu: GpuModel) -> bool:
    """Whether CUDA and OpenCL work in a guest with this type: series Q and C, and on Maxwell 8Q alone."""
    if gpu.architecture == "Maxwell":
        return (kind.name.series, kind.name.gigabytes) == ("Q", 8)
    known = vgpu_software.series(kind.name.series)
    return known is not None and known.cuda


def compressions() -> tuple[Compression, ...]:
    """The types with a share for compression."""
    return loader.entries("framebuffer-compression", Compression)


def reserved_mib(kind: VgpuType, gpu: GpuModel, *, ecc: bool) -> int:
    """MiB of the type's framebuffer that its guest cannot use, rounded up (rule T10)."""
    share = kind.framebuffer_mib / 16
    retirement = (4 if gpu.architecture == "Maxwell" else 128) / kind.max_per_gpu
    correction = share if ecc and gpu.compute_capability not in _HBM else 0
    compression = next((each.mib for each in compressions() if each.type == str(kind.name)), 0)
    return ceil(share + _BASE_MIB + correction + retirement + compression)
