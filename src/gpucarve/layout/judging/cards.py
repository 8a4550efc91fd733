"""One card at a time: what stands on it may stand there, and what had to stay is there.

Boundary: placements, slices, endings and what was there before; what GPUs have in common is `nodes`'.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from gpucarve.layout.fitting.answers import Answer, GpuCut, Item
from gpucarve.layout.fitting.boards import Board
from gpucarve.layout.fitting.demand import Demand, Service
from gpucarve.layout.fitting.supply import Gpu, Grain, Node, Standing, Supply
from gpucarve.model.mig import Placement

Mark: TypeAlias = tuple[str, str, Placement | None, str]


def faults(demand: Demand, supply: Supply, answer: Answer) -> Iterator[str]:
    """What is wrong with single GPUs, and with how many are in use."""
    throughput = any(isinstance(each.asked, Service) for each in demand.requests)
    for gpu, cut in zip(supply.gpus, answer.gpus, strict=True):
        board = supply.boards[gpu.board]
        node = supply.nodes.get(gpu.node, Node())
        for fault in (*_of_card(board, cut.items, throughput), *_of_standing(gpu, cut, node)):
            yield f"{gpu.name}: {fault}"
        if len({each.tenant for each in cut.items}) > 1:
            yield f"{gpu.name}: it is shared by tenants"
    used = sum(bool(each.items) for each in answer.gpus)
    occupied = sum(bool(each.standing) for each in supply.gpus)
    if demand.spare_gpus and used > max(len(supply.gpus) - demand.spare_gpus, occupied):
        yield f"{used} GPUs are in use, and {demand.spare_gpus} were to be left"


def _of_card(board: Board, items: Sequence[Item], throughput: bool) -> Iterator[str]:
    """What one card does not allow."""
    if len(items) > 1 and any(each.placement is None for each in items):
        yield "a use of the whole card stands beside something else"
    placed = [(each, each.placement) for each in items if each.placement is not None]
    for each in items:
        if not each.stands:
            yield from _of_item(board, each, throughput)
    for number, (each, here) in enumerate(placed):
        if any(here.start < there.end and there.start < here.end for _, there in placed[:number]):
            yield f"{each.profile} at {here} overlaps another instance"
    profiles = [one for each, _ in placed for one in board.room if one.profile == each.profile]
    weight = sum(each.weight for each in profiles)
    if weight > board.capacity:
        yield f"the instances need {weight} compute slices of {board.capacity}"
    yield from of_endings(board, Counter(each.ending for each in profiles))


def _of_item(board: Board, item: Item, throughput: bool) -> Iterator[str]:
    """What a new thing on a card cannot be."""
    if item.placement is None:
        block = next((each for each in board.blocks if each.kind == item.kind), None)
        if block is None or item.number > block.number:
            yield f"the card does not hold {item.number} of {item.kind}"
        return
    piece = next((each for each in board.pieces if each.kind == item.kind), None)
    if piece is None or piece.profile != item.profile or item.placement not in piece.placements:
        yield f"{item.profile} cannot stand at {item.placement} as {item.kind}"
    elif item.number > piece.number and not throughput:
        yield f"{item.profile} at {item.placement} does not carry {item.number} of {item.kind}"


def of_endings(board: Board, endings: Mapping[str, int]) -> Iterator[str]:
    """What the endings of names do not allow on one card."""
    for ending, most in board.most.items():
        if endings.get(ending, 0) > most:
            yield f"it has {endings[ending]} instances with {ending}, and may have {most}"
    if endings.get("+me.all") and any(number and each not in ("+me.all", "-me") for each, number in endings.items()):
        yield "an instance that is not -me stands beside +me.all"


def kept(cut: GpuCut) -> list[Mark]:
    """What is said to stand there already."""
    return [(each.kind, each.profile, each.placement, each.tenant) for each in cut.items if each.stands]


def changed(gpu: Gpu, cut: GpuCut) -> bool:
    """Whether anything goes or comes."""
    return len(kept(cut)) != len(gpu.standing) or len(kept(cut)) != len(cut.items)


def _of_standing(gpu: Gpu, cut: GpuCut, node: Node) -> Iterator[str]:
    stands = Counter(_mark(each) for each in gpu.standing)
    left = Counter(kept(cut))
    for mark, number in left.items():
        if number > stands[mark]:
            yield f"{mark[1] or mark[0]} is said to stand there, and does not"
    for each in gpu.standing:
        if each.stays and not left[_mark(each)]:
            yield f"{each.profile or each.kind} must stay, and goes"
    if node.closed and changed(gpu, cut):
        yield "its node may not be touched"
    if node.grain is not Grain.INSTANCE and changed(gpu, cut) and left:
        yield "it cannot be changed in part"
    gone = sum(each.number for each in gpu.standing)
    for each in gpu.standing:
        if left[_mark(each)]:
            left[_mark(each)] -= 1
            gone -= each.number
    if cut.moves != gone:
        yield f"{cut.moves} moves are told, and it is {gone}"


def _mark(each: Standing) -> Mark:
    return each.kind, each.profile, each.placement, each.tenant
