"""What is known about NVIDIA hardware and the software around it, each fact with its source.

`load()` gives the hardware: GPUs by PCI ids, the boards their vGPU types are named after, vGPU types, MIG profiles and
placements by card. Compatibility stands in modules by theme, each with typed rows and questions: `vgpu_software`,
`vgpu_limits`, `drivers`, `mig_rules`, `gpu_operator`, `kubevirt`, `labels`, `naming`, `host_interfaces`, `nova`;
`disagreements` tells where sources contradict each other.

Boundary: facts that hold for every machine. What one machine really shows is `facts`; what a fleet wants is `spec`.
Nothing here may stand in for a value that a host can be asked for: type ids differ by driver, VF counts by firmware.
"""

from gpucarve.catalog.entries import Board, GpuModel, VgpuMode, VgpuType
from gpucarve.catalog.lookups import Catalog, load
from gpucarve.catalog.mig import Evidence, MigProfile, MigTable
from gpucarve.catalog.sources import Confidence, Source

__all__ = [
    "Board",
    "Catalog",
    "Confidence",
    "Evidence",
    "GpuModel",
    "MigProfile",
    "MigTable",
    "Source",
    "VgpuMode",
    "VgpuType",
    "load",
]
