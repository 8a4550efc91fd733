"""What each GPU of a host is to carry, decided: the values that layout makes and platforms read.

Boundary: values alone. Why a cut becomes this layout, or cannot, is `cuts`'.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from gpucarve.model.hosts import Target
from gpucarve.model.mig import MigProfileName, Placement
from gpucarve.model.pci import PciAddress


class CutKind(Enum):
    """What a GPU becomes; the values are the document's words."""

    WHOLE = "whole"
    MIG = "mig"
    PASSTHROUGH = "passthrough"
    VGPU = "vgpu"


@dataclass(frozen=True, slots=True)
class Instance:
    """One GPU instance to be: profile, the number nvidia-smi takes for it, and its exact place on the GPU.

    `compute` says that the host also makes the compute instance that fills it; a vGPU's guest makes its own.
    """

    profile: MigProfileName
    profile_id: int
    placement: Placement
    compute: bool


@dataclass(frozen=True, slots=True)
class Slot:
    """One vGPU to be: its type's short name, its number among those of the type on this GPU (from 0), and how many
    vGPUs the GPU holds in all as it is laid out."""

    type_name: str
    number: int
    capacity: int


@dataclass(frozen=True, slots=True)
class GpuLayout:
    """What one GPU is to carry.

    `mig_mode` is None for a GPU without MIG; `mode_takes_reset` says that changing it resets the GPU. `functions` are
    all PCI functions that passthrough takes along, the GPU's first; `instances` in order of their placements.
    """

    gpu: PciAddress
    kind: CutKind
    mig_mode: bool | None = None
    mode_takes_reset: bool = False
    functions: tuple[PciAddress, ...] = ()
    instances: tuple[Instance, ...] = ()
    slots: tuple[Slot, ...] = ()


@dataclass(frozen=True, slots=True)
class InstanceAt:
    """One GPU instance of a fleet, wherever it is."""

    target: Target
    gpu: PciAddress
    profile: MigProfileName
    placement: Placement


@dataclass(frozen=True, slots=True)
class Relocation:
    """An instance that a fit moves to another host: the new one can stand before the old one goes."""

    old: InstanceAt
    new: InstanceAt


@dataclass(frozen=True, slots=True)
class HostLayout:
    """What each cut GPU of a host is to carry, in address order. GPUs without a cut are left alone."""

    gpus: tuple[GpuLayout, ...]
