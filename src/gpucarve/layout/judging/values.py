"""Every request counted, every objective added up again.

Boundary: sums over the answer; that nothing is better is `proofs`'.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from gpucarve.layout.fitting.answers import Answer
from gpucarve.layout.fitting.boards import Board
from gpucarve.layout.fitting.demand import Demand, Objective
from gpucarve.layout.fitting.supply import Supply
from gpucarve.model.mig import Placement

SHARES = 840
Spots: TypeAlias = Sequence[tuple[str, Placement | None]]


def faults(demand: Demand, supply: Supply, answer: Answer) -> Iterator[str]:
    """What is not served as told, and what comes to more than is told."""
    served: Counter[int] = Counter()
    for cut in answer.gpus:
        for item in cut.items:
            for place, number in item.serves:
                worth = dict(supply.serving[place]).get(item.kind)
                if worth is None or demand.requests[place].tenant != item.tenant:
                    yield f"{cut.gpu}: {item.kind} does not serve {demand.requests[place]}"
                else:
                    served[place] += number * worth
    for place, request in enumerate(demand.requests):
        lacking, told = request.total - served[place], answer.unmet.get(place, 0)
        if lacking > told:
            yield f"{lacking} of {request} are missing, {told} are told"
    named = [each.objective for each in answer.stages]
    if named != [*([None] if answer.unmet else []), *demand.objectives]:
        yield "the objectives are not those of the demand"
    for stage in answer.stages:
        found = value(stage.objective, supply, answer)
        if found > stage.value:
            yield f"{stage.objective.value if stage.objective else 'unmet'} is {found}, and {stage.value} is told"


def value(objective: Objective | None, supply: Supply, answer: Answer) -> int:
    """What an objective comes to; None is what is left unmet."""
    pairs = list(zip(supply.gpus, answer.gpus, strict=True))
    match objective:
        case None:
            return sum(answer.unmet.values())
        case Objective.FEWEST_GPUS:
            return sum(bool(cut.items) for _, cut in pairs)
        case Objective.FEWEST_MOVES:
            return sum(cut.moves for _, cut in pairs)
        case Objective.FEWEST_DRAINED_NODES:
            return len({gpu.node for gpu, cut in pairs if cut.moves and gpu.node})
        case Objective.LEAST_STRANDED:
            cards = ((supply.boards[gpu.board], [(e.profile, e.placement) for e in cut.items]) for gpu, cut in pairs)
            return sum(stranded(board, each) for board, each in cards)


def stranded(board: Board, spots: Spots) -> int:
    """Free compute slices that no instance can take any more, in parts of a GPU."""
    placed = [place for _, place in spots if place is not None]
    if not spots or not board.capacity or len(placed) < len(spots):
        return 0
    weights = {each.profile: each.weight for each in board.room}
    free = board.capacity - sum(weights.get(profile, 0) for profile, _ in spots)
    plain = [each for each in board.room if not each.ending] or list(board.room)
    places = [(each.weight, frozenset(range(p.start, p.end))) for each in plain for p in each.placements]

    def most(used: frozenset[int], free: int) -> int:
        takes = ((weight, slices) for weight, slices in places if weight <= free and not slices & used)
        return max((weight + most(used | slices, free - weight) for weight, slices in takes), default=0)

    return (
        (free - most(frozenset(slot for p in placed for slot in range(p.start, p.end)), free))
        * SHARES
        // board.capacity
    )
