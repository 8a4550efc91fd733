"""Node labels of GPU nodes: who sets them, what they may say, and which operands a workload brings.

Boundary: names and values; what a node carries is `facts`.
"""

from __future__ import annotations

from dataclasses import dataclass

from gpucarve.catalog import loader


@dataclass(frozen=True, slots=True)
class NodeLabel:
    """One label. `set_by` is `user`, `state` (an operand's report), `operator`, or the discovery that sets it.

    `values` is empty where any text may stand; `default` is what a missing label means.
    """

    key: str
    set_by: str
    values: tuple[str, ...] = ()
    default: str | None = None
    note: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Operands:
    """The operands of one workload; each stands in a label `nvidia.com/gpu.deploy.NAME`."""

    workload: str
    operands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MigLabel:
    """The end of a label about MIG instances: after `nvidia.com/mig-PROFILE.` (mixed) or `nvidia.com/gpu.`."""

    suffix: str


def labels() -> tuple[NodeLabel, ...]:
    """Every label."""
    return loader.entries("node-labels", NodeLabel)


def label(key: str) -> NodeLabel | None:
    """One label by its key."""
    return next((each for each in labels() if each.key == key), None)


def all_operands() -> tuple[Operands, ...]:
    """The operands of each workload."""
    return loader.entries("node-operands", Operands)


def operands(workload: str) -> tuple[str, ...]:
    """The operands of a workload (`container`, `vm-passthrough`, `vm-vgpu`, `dra_stack`); none for another word."""
    return next((each.operands for each in all_operands() if each.workload == workload), ())


def mig_labels() -> tuple[MigLabel, ...]:
    """What GPU feature discovery says about MIG instances."""
    return loader.entries("mig-labels", MigLabel)
