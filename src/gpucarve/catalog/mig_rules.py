"""MIG beyond the tables: what a name's ending allows, NVML's numbers, what switching the mode takes.

Boundary: rows and their lookups; which instances fit together on a card is layout's question.
"""

from __future__ import annotations

from gpucarve.catalog import loader
from gpucarve.catalog.entries import GpuModel
from gpucarve.catalog.mig import AttributeRule, ModeChange, NvmlProfile
from gpucarve.model.mig import MigAttribute


def attributes() -> tuple[AttributeRule, ...]:
    """What each ending means; a name without one has no rule (rule M7)."""
    rows = (loader.frozen(row) for row in loader.read("mig-attributes").rows)
    return tuple(AttributeRule(**(row | {"attribute": MigAttribute(row["attribute"])})) for row in rows)


def attribute(ending: MigAttribute) -> AttributeRule | None:
    """The rule of one ending."""
    return next((each for each in attributes() if each.attribute is ending), None)


def nvml_profiles() -> tuple[NvmlProfile, ...]:
    """NVML's names and indexes of GPU instances."""
    return loader.entries("nvml-gi-profiles", NvmlProfile)


def mode_changes() -> tuple[ModeChange, ...]:
    """What switching MIG takes, by compute capability (rule M1)."""
    return loader.entries("mig-requirements", ModeChange)


def mode_change(gpu: GpuModel) -> ModeChange | None:
    """What switching MIG takes on a GPU; None where it has no MIG or no source says."""
    if not gpu.mig:
        return None
    return next((each for each in mode_changes() if each.compute_capability == gpu.compute_capability), None)
