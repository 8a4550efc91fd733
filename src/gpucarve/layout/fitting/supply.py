"""The GPUs that a demand is fitted to: their nodes, what stands on them, and how finely they can be changed.

Boundary: values; how a snapshot of a fleet becomes them is `layout.demands`', how they are grouped is `models`'.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from gpucarve.layout.fitting.boards import Board
from gpucarve.layout.fitting.demand import Workload
from gpucarve.model.mig import Placement


class Grain(Enum):
    """The smallest thing that a change rebuilds, with everything that runs in it."""

    INSTANCE = "instance"  # a host of ours: nvidia-smi makes and destroys one GPU instance
    GPU = "gpu"  # NVIDIA/mig-parted: the instances of a GPU are cleared and made anew
    NODE = "node"  # NVIDIA/vgpu-device-manager: every GPU of the node is


@dataclass(frozen=True, slots=True, order=True)
class Standing:
    """Something that stands on a GPU: an instance at its place (`profile` and `placement`), or a whole-card use.

    `kind` is what it serves, empty where nobody asks for such a thing; `number` how many vGPUs stand in a whole-card
    use. What `stays` is never touched.
    """

    kind: str
    profile: str = ""
    placement: Placement | None = None
    number: int = 1
    tenant: str = ""
    stays: bool = False


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU; `board` names an entry of the supply's boards."""

    name: str
    board: str
    node: str = ""
    standing: tuple[Standing, ...] = ()


@dataclass(frozen=True, slots=True)
class Node:
    """The rules of one node. `workload` is the only one it may serve, None for any one.

    `chosen_by_driver`: the platform makes instances by counts and the driver picks their places. `uniform`: all its
    GPUs are to be cut alike. `closed`: it may not be touched.
    """

    grain: Grain = Grain.INSTANCE
    workload: Workload | None = None
    chosen_by_driver: bool = False
    uniform: bool = False
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Supply:
    """All GPUs in order; one without a node is a node of its own. `serving` says for each request of the demand, in
    its order, which kinds serve it, each with what one is worth."""

    boards: Mapping[str, Board]
    gpus: tuple[Gpu, ...]
    serving: tuple[tuple[tuple[str, int], ...], ...]
    nodes: Mapping[str, Node] = field(default_factory=dict)
