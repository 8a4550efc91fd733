"""What is known about NVIDIA hardware: GPUs, the boards their vGPU types are named after, and the vGPU types.

Boundary: facts that hold for every machine, each with its source and how far to trust it. What one machine really
shows is `facts`; what a fleet wants is `spec`. Nothing here may stand in for a value that a host can be asked for:
type ids differ by driver, VF counts by firmware.
"""

from gpucarve.catalog.entries import Board, Confidence, GpuModel, Source, VgpuMode, VgpuType
from gpucarve.catalog.lookups import Catalog, load

__all__ = ["Board", "Catalog", "Confidence", "GpuModel", "Source", "VgpuMode", "VgpuType", "load"]
