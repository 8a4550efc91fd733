"""Where things stand on a row of slices, so that none overlaps another: an exact search, or the smallest cause why not.

Knows neither GPUs nor profiles: a thing has a name, places it may take, and a weight; the row has a capacity of
weight. A geometry is a set of placements, not counts: free slices alone prove nothing (rules M4 and M6).

The search is over the set of slices in use, thing by thing, so it ends: a row of N slices has 2^N sets, and weights
bound the things. Among the ways that fit it takes the one with most things at a place of `held`, then of `keep`, then
the one that builds over fewest of `spare`, then the lowest places for the largest things. So the order in which things
are named does not matter; and carried out in part, the same choice is still the best one, since what was made of it
counts among `keep` and nothing else does.

Boundary: pure arithmetic on `model.mig.Placement`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TypeAlias

from gpucarve.model.mig import Placement


@dataclass(frozen=True, slots=True)
class Wanted:
    """`count` things of one kind: `placements` are all that one may take, `weight` (1 or more) is what one uses up."""

    name: str
    count: int
    placements: tuple[Placement, ...]
    weight: int


@dataclass(frozen=True, slots=True, order=True)
class Spot:
    """One thing at its place."""

    placement: Placement
    name: str


@dataclass(frozen=True, slots=True)
class TooHeavy:
    """Together they weigh more than the capacity."""

    weight: int
    capacity: int


@dataclass(frozen=True, slots=True)
class Overlap:
    """`rest` can stand, one more `left_out` beside it cannot: wherever they are put, some two overlap.

    None of `rest` can be taken away without room for `left_out`. `taken` slices of the row's `slices` are in use by
    `rest`, and `weight_left` of the capacity is free.
    """

    rest: tuple[Wanted, ...]
    left_out: Wanted
    taken: int
    slices: int
    weight_left: int


Cause: TypeAlias = TooHeavy | Overlap


def place(
    wanted: Sequence[Wanted],
    capacity: int,
    keep: Collection[Spot] = (),
    spare: Collection[Spot] = (),
    held: Collection[Spot] = (),
) -> tuple[Spot, ...] | Cause:
    """A place for every thing, in order of places, or why there is none.

    `keep` are places that a thing of that name should rather have than another, `held` are those of them that come
    before all others; `spare` are things that stand and should rather not be built over.
    """
    weight = sum(each.count * each.weight for each in wanted)
    if weight > capacity:
        return TooHeavy(weight, capacity)
    things = _in_order(wanted)
    first = sum(each.count for each in things) + 1  # one that is held counts for more than all that are kept
    worth = dict.fromkeys(keep, 1) | dict.fromkeys(held, first)
    best = _best(things, worth, frozenset(spare))
    return _cause(things, capacity) if best is None else best


def _in_order(wanted: Sequence[Wanted]) -> tuple[Wanted, ...]:
    """The largest first, so that the rest finds its places around them; each kind once."""
    kinds: dict[str, Wanted] = {}
    for each in wanted:
        earlier = kinds.get(each.name)
        kinds[each.name] = replace(each, count=each.count + earlier.count) if earlier else each
    found = (replace(each, placements=tuple(sorted(each.placements))) for each in kinds.values() if each.count)
    return tuple(sorted(found, key=lambda each: (-_size(each), -each.weight, len(each.placements), each.name)))


def _size(wanted: Wanted) -> int:
    return max((each.size for each in wanted.placements), default=0)


def _mask(placement: Placement) -> int:
    return (1 << placement.end) - (1 << placement.start)


def _best(things: Sequence[Wanted], worth: Mapping[Spot, int], spare: frozenset[Spot]) -> tuple[Spot, ...] | None:
    """The best way; None when there is none. A way is (worth of what is kept, things built over, spots): most, fewest,
    lowest."""
    obstacles = [(_mask(each.placement), each) for each in spare]

    @cache
    def way(kind: int, left: int, first: int, used: int) -> tuple[int, int, tuple[Spot, ...]] | None:
        if kind == len(things):
            return 0, sum(1 for mask, _ in obstacles if mask & used), ()
        thing = things[kind]
        if not left:
            return way(kind + 1, things[kind + 1].count if kind + 1 < len(things) else 0, 0, used)
        best = None
        for number in range(first, len(thing.placements)):
            spot = Spot(thing.placements[number], thing.name)
            mask = _mask(spot.placement)
            rest = None if mask & used else way(kind, left - 1, number + 1, used | mask)
            if rest is not None:
                found = (rest[0] + worth.get(spot, 0), rest[1] - (spot in spare), (spot, *rest[2]))
                if best is None or (-found[0], found[1], found[2]) < (-best[0], best[1], best[2]):
                    best = found
        return best

    found = way(0, things[0].count, 0, 0) if things else (0, 0, ())
    return None if found is None else tuple(sorted(found[2]))


def _cause(things: Sequence[Wanted], capacity: int) -> Overlap:
    """The things without those that play no part; the last kind of what is left is the one without a place."""
    left = list(things)
    for number in range(len(left)):
        while left[number].count:
            fewer = [*left[:number], replace(left[number], count=left[number].count - 1), *left[number + 1 :]]
            if _fits(fewer):
                break
            left = fewer
    *rest, last = (each for each in left if each.count)
    if last.count > 1:
        rest.append(replace(last, count=last.count - 1))
    return Overlap(
        rest=tuple(rest),
        left_out=replace(last, count=1),
        taken=sum(each.count * _size(each) for each in rest),
        slices=max((spot.end for each in things for spot in each.placements), default=0),
        weight_left=capacity - sum(each.count * each.weight for each in rest),
    )


def _fits(things: Sequence[Wanted]) -> bool:
    return _best([each for each in things if each.count], {}, frozenset()) is not None
