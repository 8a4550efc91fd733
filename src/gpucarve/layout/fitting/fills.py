"""Filling what is free of a card with instances, in every way that counts: slice by slice, over what begins there.

Boundary: arithmetic on places, weights and endings of one board. Two ways with the same multiset are one, at the
lowest places that hold it; where stranded slices count, they are one if they leave the same slices free.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TypeAlias

from gpucarve.layout.fitting.boards import Board, Piece
from gpucarve.model.mig import Placement


@dataclass(frozen=True, slots=True)
class Spot:
    """An instance at its place, or a whole-card use (no placement), with room for `number` of its kind."""

    kind: str
    number: int
    profile: str = ""
    placement: Placement | None = None


Way: TypeAlias = tuple[Spot, ...]


@dataclass(slots=True)
class Filler:
    """Fills cards of one board with some pieces; `sparse` gives also the ways to which more could be added."""

    board: Board
    pieces: tuple[Piece, ...]
    sparse: bool
    _known: dict[tuple[int, int, tuple[str, ...], bool], tuple[Way, ...]] = field(default_factory=dict, init=False)

    def fills(self, used: int, left: int, endings: tuple[str, ...], *, by_driver: bool) -> tuple[Way, ...]:
        """The ways to fill what is free of `used` slices, with `left` compute slices, beside such endings.

        `by_driver`: only what finds its place wherever the driver puts each instance, the largest first.
        """
        key = (used, left, endings, by_driver)
        if key not in self._known:
            every = self._ways(used, left, endings, sparse=self.sparse or by_driver)
            if by_driver:
                certain = [each for each in every if self._holds_anyway(each, used)]
                every = tuple(certain) if self.sparse else _largest(certain)
            self._known[key] = every
        return self._known[key]

    def _ways(self, used: int, left: int, endings: tuple[str, ...], *, sparse: bool) -> tuple[Way, ...]:
        starts: dict[int, list[tuple[Piece, Placement]]] = {}
        for piece in self.pieces:
            for place in piece.placements:
                starts.setdefault(place.start, []).append((piece, place))
        board = self.board

        @cache
        def above(slot: int, used: int, left: int, endings: tuple[str, ...]) -> tuple[Way, ...]:
            if slot >= board.slices:
                return ((),)
            found = list(above(slot + 1, used, left, endings))
            for piece, place in starts.get(slot, ()):
                beside = board.with_ending(endings, piece.ending)
                if mask_of(place) & used or piece.weight > left or not board.allows(beside):
                    continue
                spot = Spot(piece.kind, piece.number, piece.profile, place)
                rest = above(slot + 1, used | mask_of(place), left - piece.weight, beside)
                found += [(spot, *each) for each in rest]
            return tuple(_once(found)) if sparse else _largest(found)

        return above(0, used, left, endings)

    def _holds_anyway(self, made: Way, used: int) -> bool:
        pieces = {each.kind: each for each in self.pieces}
        order = sorted((pieces[spot.kind] for spot in made), key=self.pieces.index)

        def holds(number: int, used: int) -> bool:
            if number == len(order):
                return True
            free = [mask_of(place) for place in order[number].placements if not mask_of(place) & used]
            return bool(free) and all(holds(number + 1, used | mask) for mask in free)

        return holds(0, used)


def most_weight(board: Board, used: int, left: int) -> int:
    """The most compute slices that further instances of a board can have."""
    plain = [each for each in board.room if not each.ending] or list(board.room)
    places = sorted({(mask_of(place), each.weight) for each in plain for place in each.placements})

    def best(first: int, used: int, left: int) -> int:
        return max(
            (
                places[number][1] + best(number + 1, used | places[number][0], left - places[number][1])
                for number in range(first, len(places))
                if not places[number][0] & used and places[number][1] <= left
            ),
            default=0,
        )

    return best(0, used, left)


def mask_of(placement: Placement) -> int:
    """Its slices as bits."""
    return (1 << placement.end) - (1 << placement.start)


def _once(found: Iterable[Way]) -> list[Way]:
    """Each multiset on each set of slices, which is what strands others, at its lowest places; in a fixed order."""
    first: dict[tuple[tuple[tuple[str, int], ...], int], Way] = {}
    for each in found:
        slices = sum(mask_of(spot.placement) for spot in each if spot.placement is not None)
        key = (tuple(sorted(Counter(spot.kind for spot in each).items())), slices)
        if key not in first or _places(each) < _places(first[key]):
            first[key] = each
    return [first[key] for key in sorted(first)]


def _places(spots: Sequence[Spot]) -> list[tuple[int, str]]:
    return [(each.placement.start, each.profile) for each in spots if each.placement is not None]


def _largest(found: Iterable[Way]) -> tuple[Way, ...]:
    """Those whose multiset no other one holds."""
    kept: list[tuple[Counter[str], Way]] = []
    for each in sorted(found, key=lambda way: (-len(way), _places(way))):
        count = Counter(spot.kind for spot in each)
        if not any(count <= larger for larger, _ in kept):
            kept.append((count, each))
    return tuple(each for _, each in kept)
