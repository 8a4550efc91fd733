"""Every layout of every GPU, tried one against the other: the best that a small fleet can become.

It knows what a card allows from its board's places and endings, and shares no code with the search or the judge.
"""

from __future__ import annotations

from itertools import combinations

from gpucarve.layout.fitting.boards import Board
from gpucarve.layout.fitting.demand import Demand, Objective
from gpucarve.layout.fitting.supply import Gpu, Grain, Node, Standing, Supply
from gpucarve.model.mig import Placement

Yields = tuple[int, ...]
Outcome = tuple[Yields, int, int]  # what it holds of each request, moves, 1 if it is in use


def best(demand: Demand, supply: Supply) -> tuple[int, tuple[int, ...]]:
    """What is left unmet at the least, and then the objectives in their order."""
    sums: set[Outcome] = {((0,) * len(demand.requests), 0, 0)}
    for gpu in supply.gpus:
        ways = outcomes(demand, supply, gpu)
        sums = {
            (tuple(a + b for a, b in zip(one, two, strict=True)), moves + more, used + use)
            for one, moves, used in sums
            for two, more, use in ways
        }
    return min(_rated(demand, each) for each in sums)


def _rated(demand: Demand, outcome: Outcome) -> tuple[int, tuple[int, ...]]:
    held, moves, used = outcome
    unmet = sum(max(request.total - number, 0) for request, number in zip(demand.requests, held, strict=True))
    named = {Objective.FEWEST_GPUS: used, Objective.FEWEST_MOVES: moves}
    return unmet, tuple(named[each] for each in demand.objectives)


def outcomes(demand: Demand, supply: Supply, gpu: Gpu) -> set[Outcome]:
    """Everything that one GPU can become."""
    board, node = supply.boards[gpu.board], supply.nodes.get(gpu.node, Node())
    kinds = [serving[0][0] if serving else "" for serving in supply.serving]
    found = {_outcome(kinds, gpu.standing, gpu.standing, ())}
    if node.closed:
        return found
    for kept in _kept(gpu.standing, node.grain):
        used = [each.placement for each in kept if each.placement]
        profiles = [each.profile for each in kept]
        for spots in spots_of(board, [kind for kind in kinds if kind], used, profiles, 0):
            if node.chosen_by_driver and kept and not _wherever(board, used, [kind for kind, _ in spots]):
                continue
            found.add(_outcome(kinds, gpu.standing, kept, [kind for kind, _ in spots]))
    return found


def _kept(standing: tuple[Standing, ...], grain: Grain) -> list[tuple[Standing, ...]]:
    if grain is not Grain.INSTANCE:
        return [] if any(each.stays for each in standing) else [()]
    every = (some for number in range(len(standing) + 1) for some in combinations(standing, number))
    return [some for some in every if all(each in some for each in standing if each.stays)]


def _outcome(kinds: list[str], standing: tuple[Standing, ...], kept: tuple[Standing, ...], made: object) -> Outcome:
    assert isinstance(made, list | tuple)
    there = [each.kind for each in kept] + list(made)
    return tuple(there.count(kind) if kind else 0 for kind in kinds), len(standing) - len(kept), int(bool(there))


Spots = list[tuple[str, Placement]]


def spots_of(board: Board, kinds: list[str], used: list[Placement], profiles: list[str], first: int) -> list[Spots]:
    """Every set of instances beside those that are there, as kinds with places."""
    choices = [(each, place) for each in board.pieces if each.kind in kinds for place in each.placements]
    found: list[Spots] = [[]]
    for number in range(first, len(choices)):
        piece, place = choices[number]
        if any(place.overlaps(each) for each in used) or not _allowed(board, [*profiles, piece.profile]):
            continue
        rest = spots_of(board, kinds, [*used, place], [*profiles, piece.profile], number + 1)
        found += [[(piece.kind, place), *each] for each in rest]
    return found


def _allowed(board: Board, profiles: list[str]) -> bool:
    known = {each.profile: each for each in board.room}
    there = [known[each] for each in profiles]
    endings = [each.ending for each in there]
    alone = "+me.all" not in endings or set(endings) <= {"+me.all", "-me"}
    once = endings.count("+me") <= 1 and endings.count("+me.all") <= 1
    return sum(each.weight for each in there) <= board.capacity and once and alone


def _wherever(board: Board, used: list[Placement], kinds: list[str]) -> bool:
    """Whether the largest first find a place whatever the driver picks."""
    if not kinds:
        return True
    pieces = {each.kind: each for each in board.pieces}
    largest = max(kinds, key=lambda kind: (pieces[kind].placements[0].size, pieces[kind].weight, kind))
    rest = list(kinds)
    rest.remove(largest)
    free = [each for each in pieces[largest].placements if not any(each.overlaps(other) for other in used)]
    return bool(free) and all(_wherever(board, [*used, each], rest) for each in free)
