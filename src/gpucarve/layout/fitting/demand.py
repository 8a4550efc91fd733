"""What is asked for: how many of what, for whom, and what counts as best.

Boundary: values. What of it a card can carry is `boards`'; a name that no card has is told by `solving` as not served.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from gpucarve.model.mig import MigProfileName
from gpucarve.model.vgpu import VgpuTypeName


class Objective(Enum):
    """What counts, by the name that people choose it by."""

    FEWEST_GPUS = "fewest-gpus"
    FEWEST_MOVES = "fewest-moves"
    FEWEST_DRAINED_NODES = "fewest-drained-nodes"
    LEAST_STRANDED = "least-stranded"


class Workload(Enum):
    """What uses a GPU; a node serves one (rule K1). The values are the document's words."""

    CONTAINER = "container"
    VM_PASSTHROUGH = "vm-passthrough"
    VM_VGPU = "vm-vgpu"


@dataclass(frozen=True, slots=True)
class Mig:
    """A MIG instance of a profile, for containers."""

    profile: MigProfileName

    def __str__(self) -> str:
        return str(self.profile)


@dataclass(frozen=True, slots=True)
class Vgpu:
    """A vGPU of a type."""

    type: VgpuTypeName

    def __str__(self) -> str:
        return str(self.type)


@dataclass(frozen=True, slots=True)
class Sized:
    """A time-sliced or MIG-backed vGPU of any board, of a framebuffer size and a series."""

    mib: int
    series: str

    def __str__(self) -> str:
        size = f"{self.mib // 1024} GiB" if self.mib % 1024 == 0 else f"{self.mib} MiB"
        return f"vGPU of {size}, series {self.series}"


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole GPU, for containers."""

    def __str__(self) -> str:
        return "whole GPU"


@dataclass(frozen=True, slots=True)
class Passthrough:
    """A whole GPU as a PCI device of a VM."""

    def __str__(self) -> str:
        return "passthrough GPU"


@dataclass(frozen=True, slots=True)
class Service:
    """Something that instances of several profiles do, each so much of it: the count is what is needed in all."""

    name: str
    worth: tuple[tuple[MigProfileName, int], ...]

    def __str__(self) -> str:
        return self.name


Asked: TypeAlias = Mig | Vgpu | Sized | Whole | Passthrough | Service


@dataclass(frozen=True, slots=True)
class Request:
    """`count` of something, and `spare` more that are kept in reserve.

    Requests of different tenants share no GPU.
    """

    asked: Asked
    count: int
    tenant: str = ""
    spare: int = 0

    @property
    def total(self) -> int:
        """How many have to be there."""
        return self.count + self.spare

    def __str__(self) -> str:
        return f"{self.asked}" + (f" of {self.tenant}" if self.tenant else "")


@dataclass(frozen=True, slots=True)
class Demand:
    """Everything asked of one supply. `spare_gpus` GPUs stay unused; the objectives count in their order."""

    requests: tuple[Request, ...]
    objectives: tuple[Objective, ...] = (Objective.FEWEST_GPUS,)
    spare_gpus: int = 0
    isolate_nodes: bool = False
