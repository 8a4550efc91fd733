"""Placing instances one by one, as tools without a model do: first fit, best fit, first fit decreasing.

Each instance goes to a GPU that has a free place for it, and nothing is moved. What finds none takes a new GPU while
there are any. Known from bin packing; here a place is a placement of the card, so a GPU with room may have none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from gpucarve.layout.fitting.boards import Board, Piece
from gpucarve.layout.fitting.supply import Gpu
from gpucarve.model.mig import Placement

Rule = Callable[[Sequence[Piece], "Sequence[Card]"], int]


@dataclass
class Card:
    """A GPU that fills up; `used` says that something is on it."""

    board: Board
    weight: int = 0
    endings: tuple[str, ...] = ()
    taken: list[Placement] = field(default_factory=list)

    @classmethod
    def of(cls, board: Board, gpu: Gpu | None = None) -> Card:
        """An empty one, or one with what stands on a GPU."""
        card = cls(board)
        for each in gpu.standing if gpu else ():
            piece = board.room_of(each.profile)
            if piece is not None and each.placement is not None:
                card.put(piece, each.placement)
        return card

    @property
    def used(self) -> bool:
        """Whether something is on it."""
        return bool(self.taken)

    def place(self, piece: Piece) -> Placement | None:
        """The lowest place that is free for an instance; None where there is none."""
        if self.weight + piece.weight > self.board.capacity:
            return None
        if not self.board.allows(self.board.with_ending(self.endings, piece.ending)):
            return None
        free = (each for each in piece.placements if not any(each.overlaps(other) for other in self.taken))
        return next(free, None)

    def put(self, piece: Piece, place: Placement) -> None:
        """Make it there."""
        self.weight += piece.weight
        self.endings = self.board.with_ending(self.endings, piece.ending)
        self.taken.append(place)


def first_fit(pieces: Sequence[Piece], cards: Sequence[Card]) -> int:
    """Each on the first card that takes it; how many found no place."""
    return sum(not _put(piece, cards) for piece in pieces)


def best_fit(pieces: Sequence[Piece], cards: Sequence[Card]) -> int:
    """Each on the fullest card that takes it."""
    return sum(not _put(piece, sorted(cards, key=lambda card: -card.weight)) for piece in pieces)


def first_fit_decreasing(pieces: Sequence[Piece], cards: Sequence[Card]) -> int:
    """The largest first, each on the first card that takes it."""
    return first_fit(sorted(pieces, key=lambda each: (-each.placements[0].size, -each.weight)), cards)


RULES: dict[str, Rule] = {"first fit": first_fit, "best fit": best_fit, "first fit decreasing": first_fit_decreasing}


def _put(piece: Piece, cards: Sequence[Card]) -> bool:
    for card in cards:
        place = card.place(piece)
        if place is not None:
            card.put(piece, place)
            return True
    return False
