"""MIG as values: what a card can be cut into, profile by profile.

Boundary: field names equal the keys of the data files; `None` says that no source states the fact. What a profile's
name says about its size holds for its own card only: `1g.10gb` is one memory slice of an 80 GB card and two of a
40 GB one (rule M10), so nothing here can be asked for by profile name without a card.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from gpucarve.model.mig import MigAttribute, MigProfileName, Placement


class Evidence(Enum):
    """How a card's table is known."""

    MEASURED = "measured"  # ids and placements were seen on such a card
    FAMILY = "family"  # ids and placements are those of the cards with as many slices
    NAMES = "names"  # names and counts alone: placements have to be asked of the driver


@dataclass(frozen=True, slots=True)
class MigTable:
    """One kind of card. `gpus` are catalog ids; slices are of the whole GPU.

    `balanced` is mig-parted's mix of sizes: profiles with how many of each. `mig_parted_devices` are the PCI device
    ids that mig-parted applies it to.
    """

    id: str
    name: str
    gpus: tuple[str, ...]
    family: str
    evidence: Evidence
    names_source: str
    compute_slices: int | None = None
    memory_slices: int | None = None
    mig_parted_devices: tuple[str, ...] = ()
    balanced: tuple[tuple[MigProfileName, int], ...] = ()
    placements_source: str | None = None
    memory_source: str | None = None
    engines_source: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MigProfile:
    """One kind of GPU instance of one kind of card.

    `max_count` is how many fit at once; `placements` is empty where no source gives them. `profile_id` is what
    `nvidia-smi mig -cgi` takes, `nvml_profile` NVML's index. Memory is as captured: MiB, or GiB where the capture
    rounds. `aliases` are other names in use for the same instance.
    """

    table: str
    name: MigProfileName
    max_count: int
    compute_slices: int | None = None
    memory_slices: int | None = None
    placements: tuple[Placement, ...] = ()
    profile_id: int | None = None
    nvml_profile: int | None = None
    memory_mib: int | None = None
    memory_gib: float | None = None
    multiprocessors: int | None = None
    copy_engines: int | None = None
    decoders: int | None = None
    encoders: int | None = None
    jpeg_engines: int | None = None
    optical_flow_engines: int | None = None
    min_driver_branch: str | None = None
    aliases: tuple[MigProfileName, ...] = ()


@dataclass(frozen=True, slots=True)
class AttributeRule:
    """What the end of a profile's name brings, and how many such instances a GPU may hold (None: no limit)."""

    attribute: MigAttribute
    meaning: str
    max_per_gpu: int | None = None


@dataclass(frozen=True, slots=True)
class NvmlProfile:
    """NVML's name and index of a kind of GPU instance; `nvidia-smi` uses other numbers."""

    name: str
    number: int


@dataclass(frozen=True, slots=True)
class ModeChange:
    """What it takes to switch MIG on or off: `gpu-reset` or `none`."""

    compute_capability: str
    mode_change: str
    note: str | None = None
