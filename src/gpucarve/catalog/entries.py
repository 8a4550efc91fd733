"""The catalog's entries as values.

Boundary: field names equal the keys of the data files. `None` says that no source states the fact, which is never
the same as no. A field's source is the entry's own `…_source` where it has one, else the file's `columns`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from gpucarve.model.vgpu import VgpuTypeName


@dataclass(frozen=True, slots=True)
class GpuModel:
    """One GPU as the PCI bus shows it. Ids are four lower-case hex digits; memory is MiB of one physical GPU.

    `boards` are the codes its vGPU types are named after. `min_vfs_for_vgpu` is the fewest virtual functions with
    which every type can be used to its limit; `total_vfs` and `first_vf_function` were seen on such a machine.
    `companion_ids` are the device ids of the other functions that a passthrough takes along.
    """

    id: str
    name: str
    device_ids: tuple[str, ...]
    architecture: str
    compute_capability: str
    memory_mib: int | None
    gpus_per_board: int
    vgpu: bool | None
    boards: tuple[str, ...]
    sriov_vgpu: bool | None
    mig: bool | None
    pci_names: tuple[str, ...]
    subsystem_ids: tuple[str, ...] = ()
    driver_names: tuple[str, ...] = ()
    smi_total_mib: tuple[int, ...] = ()
    min_vfs_for_vgpu: int | None = None
    total_vfs: int | None = None
    first_vf_function: int | None = None
    vf_device_id: str | None = None
    display_mode_switch: bool = False
    kubevirt_resources: tuple[str, ...] = ()
    companion_ids: tuple[str, ...] = ()
    min_driver: str | None = None
    mig_broken_drivers: tuple[str, ...] = ()
    min_vbios_for_mig: str | None = None
    compute_capability_source: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Board:
    """The first part of a vGPU type's name and what it stands for. `framebuffer_gb` is of one physical GPU.

    `mixed_size` says that the GPU can be switched to carry time-sliced vGPUs of different framebuffer sizes.
    `guest_mmio_gib` is the MMIO space a guest with the full GPU asks for. `types` counts the types in the catalog.
    """

    code: str
    gpus: tuple[str, ...]
    architecture: str
    name_prefix: str
    framebuffer_gb: int
    gpus_per_board: int
    sriov_vgpu: bool
    mixed_size: bool
    types: int
    guest_mmio_gib: int | None = None
    source: str | None = None


class VgpuMode(Enum):
    """How a vGPU shares its GPU; in the last form several vGPUs take turns on one GPU instance."""

    TIME_SLICED = "time-sliced"
    MIG_BACKED = "mig-backed"
    MIG_BACKED_TIME_SLICED = "mig-backed-time-sliced"


@dataclass(frozen=True, slots=True)
class VgpuType:
    """One vGPU type of one board; limits count vGPUs on one physical GPU (`max_per_gi`: on one GPU instance).

    `max_per_gpu` holds while all vGPUs of the GPU have one framebuffer size, `max_mixed` in mixed-size mode.
    `type_id` is the NNN of `nvidia-NNN` in the driver of its source; another driver may use another number, so it
    serves messages only. `device_id` and `subsystem_id` are those of the device that a guest sees.
    """

    name: VgpuTypeName
    board: str
    framebuffer_mib: int
    framebuffer_source: str
    mode: VgpuMode
    max_per_gpu: int
    max_source: str
    driver_name: str | None = None
    max_mixed: int | None = None
    max_mixed_source: str | None = None
    gi_profile: str | None = None
    max_per_gi: int | None = None
    type_id: int | None = None
    type_id_source: str | None = None
    device_id: str | None = None
    subsystem_id: str | None = None
    heads: int | None = None
    max_resolution: str | None = None
    fps: int | None = None
    displays: tuple[str, ...] = ()
