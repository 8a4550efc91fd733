"""What the GPUs of a node have in common: one workload, one tenant where nodes are kept apart, one layout.

Boundary: nodes by their names; a GPU without one is on its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from gpucarve.layout.fitting.answers import Answer, GpuCut
from gpucarve.layout.fitting.boards import Board
from gpucarve.layout.fitting.demand import Demand, Workload
from gpucarve.layout.fitting.supply import Gpu, Grain, Node, Supply
from gpucarve.layout.judging.cards import changed, kept


def faults(demand: Demand, supply: Supply, answer: Answer) -> Iterator[str]:
    """What is wrong with nodes."""
    by_node: defaultdict[str, list[tuple[Gpu, GpuCut]]] = defaultdict(list)
    for gpu, cut in zip(supply.gpus, answer.gpus, strict=True):
        by_node[gpu.node or f"the node of {gpu.name}"].append((gpu, cut))
    for name, pairs in by_node.items():
        node = supply.nodes.get(pairs[0][0].node, Node())
        made = [(supply.boards[gpu.board], each) for gpu, cut in pairs for each in cut.items if each.serves]
        if len({workload(board, each.kind) for board, each in made}) > 1:
            yield f"{name}: it serves more than one workload"
        new = {workload(board, each.kind) for board, each in made if not each.stands}
        if node.workload is not None and new - {node.workload}:
            yield f"{name}: it may serve {node.workload.value} alone"
        if demand.isolate_nodes and len({each.tenant for _, each in made}) > 1:
            yield f"{name}: it is shared by tenants"
        touched = any(changed(gpu, cut) for gpu, cut in pairs)
        if touched and node.grain is Grain.NODE and any(kept(cut) for _, cut in pairs):
            yield f"{name}: it cannot be changed in part"
        cuts = {tuple(sorted(each.profile or each.kind for each in cut.items)) for _, cut in pairs}
        if touched and node.uniform and len(cuts) > 1:
            yield f"{name}: its GPUs are not cut alike"


def workload(board: Board, kind: str) -> Workload | None:
    """Whom a kind serves."""
    return next((each.workload for each in board.parts if each.kind == kind), None)
