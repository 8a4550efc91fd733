"""Why a demand does not fit, so that somebody learns from it: what conflicts, what is in the way, what would help.

The requests that cannot all be had, none of which can be left out; of each GPU, why an instance finds no place there;
and the fewest moves that would make room, where something stays that could be moved.

Boundary: asks `solving` again, about parts of the demand; makes sentences of what it learns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from gpucarve.layout.fitting import moves, solving
from gpucarve.layout.fitting.answers import Answer
from gpucarve.layout.fitting.boards import Board, Piece
from gpucarve.layout.fitting.demand import Demand, Objective, Request
from gpucarve.layout.fitting.moves import Move
from gpucarve.layout.fitting.supply import Gpu, Node, Standing, Supply

_MOST = 8  # GPUs that are told of one by one


@dataclass(frozen=True, slots=True)
class Refusal:
    """`conflict` are requests that cannot all be served, each with how many; `blocks` says of GPUs what is in the way.

    `room` are the fewest moves after which all fits, None where no moves would do.
    """

    conflict: tuple[tuple[Request, int], ...]
    blocks: tuple[str, ...]
    room: tuple[Move, ...] | None


def explain(demand: Demand, supply: Supply, answer: Answer, time_limit: float) -> Refusal:
    """Why an answer leaves something unmet."""
    conflict = _conflict(demand, supply, time_limit)
    lacking = [demand.requests[each] for each in answer.unmet]
    blocks = tuple(line for each in lacking for line in _blocks(demand, supply, each))
    return Refusal(conflict, blocks, _room(demand, supply, time_limit))


def _fits(demand: Demand, supply: Supply, counts: Sequence[int], time_limit: float) -> bool:
    requests = tuple(replace(each, count=n, spare=0) for each, n in zip(demand.requests, counts, strict=True))
    return solving.fit(replace(demand, requests=requests, objectives=()), supply, time_limit).fits


def _conflict(demand: Demand, supply: Supply, time_limit: float) -> tuple[tuple[Request, int], ...]:
    """Requests left out, and then made smaller, as long as what is left does not fit."""
    counts = [each.total for each in demand.requests]
    for number in range(len(counts)):
        fewer = [*counts[:number], 0, *counts[number + 1 :]]
        if not _fits(demand, supply, fewer, time_limit):
            counts = fewer
    for number, count in enumerate(counts):
        low, high = 0, count  # with `low` it fits, with `high` it does not
        while high - low > 1:
            middle = (low + high) // 2
            if _fits(demand, supply, [*counts[:number], middle, *counts[number + 1 :]], time_limit):
                low = middle
            else:
                high = middle
        counts[number] = high
    return tuple((request, count) for request, count in zip(demand.requests, counts, strict=True) if count)


def _room(demand: Demand, supply: Supply, time_limit: float) -> tuple[Move, ...] | None:
    loose = replace(
        supply,
        gpus=tuple(
            replace(gpu, standing=tuple(replace(each, stays=False) for each in gpu.standing)) for gpu in supply.gpus
        ),
        nodes={name: replace(node, closed=False) for name, node in supply.nodes.items()},
    )
    if loose == supply:
        return None
    answer = solving.fit(replace(demand, objectives=(Objective.FEWEST_MOVES,)), loose, time_limit)
    return moves.moves(loose, answer) if answer.fits else None


def _blocks(demand: Demand, supply: Supply, request: Request) -> Iterator[str]:
    kinds = [kind for kind, _ in supply.serving[demand.requests.index(request)]]
    if not kinds:
        yield f"none of these GPUs carries {request}"
        return
    told = 0
    for gpu in supply.gpus:
        board = supply.boards[gpu.board]
        pieces = [each for each in board.pieces if each.kind in kinds]
        if not gpu.standing or told == _MOST:
            continue
        for piece in pieces:
            yield _in_the_way(gpu, board, piece, supply.nodes.get(gpu.node, Node()))
            told += 1


def _in_the_way(gpu: Gpu, board: Board, piece: Piece, node: Node) -> str:
    """Why one more instance finds no place beside what stands on a GPU."""
    placed = [each for each in gpu.standing if each.placement is not None]
    weights = [known.weight for each in placed if (known := board.room_of(each.profile))]
    free, left = board.slices - sum(e.placement.size for e in placed if e.placement), board.capacity - sum(weights)
    if len(placed) < len(gpu.standing):
        return f"{gpu.name}: {gpu.standing[0].kind} takes the whole card"
    if left < piece.weight:
        return f"{gpu.name}: {piece.profile} needs {piece.weight} compute slices, {left} are free"
    ways = [
        (place, [each for each in placed if each.placement and each.placement.overlaps(place)])
        for place in piece.placements
    ]
    starts = [str(place.start) for place, _ in ways]
    where = f"{', '.join(starts[:-1])} or {starts[-1]}" if len(starts) > 1 else starts[0]
    if any(not over for _, over in ways):
        return f"{gpu.name}: {piece.profile} has a place, {'its node is closed' if node.closed else 'and it is taken'}"
    tell = [f"{place} overlaps {_at(over)}" for place, over in ways]
    room = f"{left} compute and {free} memory slices are free"
    return f"{gpu.name}: {room}, but {piece.profile} may start only at {where}: {', '.join(tell)}"


def _at(standing: Sequence[Standing]) -> str:
    names = [f"{each.profile} at {each.placement.start}" for each in standing if each.placement]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
