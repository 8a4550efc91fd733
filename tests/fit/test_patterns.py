"""The layouts of one card: as many as trying every set of places gives, for each kind of card in the catalog."""

from __future__ import annotations

from collections import Counter

import pytest

from gpucarve.layout.fitting.demand import Workload
from gpucarve.layout.fitting.fills import Filler
from gpucarve.layout.fitting.patterns import Patterns
from gpucarve.layout.fitting.supply import Gpu, Node
from tests.fit.brute import spots_of
from tests.fit.cases import KNOWN, demand, supply

SEVEN = ["1g.10gb", "2g.20gb", "3g.40gb", "4g.40gb", "7g.80gb"]
COUNTS = {
    "plain profiles": (SEVEN, 12),
    "with media": ([*SEVEN, "1g.10gb+me"], 20),
    "with double memory": ([*SEVEN, "1g.20gb"], 28),
    "with both": ([*SEVEN, "1g.10gb+me", "1g.20gb"], 44),
}
CARDS = ("a30", "h100-nvl-94gb", "h200-sxm", "b200", "rtx-pro-6000-blackwell-se", "a100-pcie-40gb", "gb200")


def _largest(model: str, names: list[str]) -> set[tuple[tuple[str, int], ...]]:
    """The layouts that hold more than any other, as the search has them."""
    wanted = demand(dict.fromkeys(names, 1))
    board = supply(wanted, {model: 1}).boards[model]
    patterns = Patterns(board, tuple((piece.kind, "") for piece in board.pieces))
    columns = patterns.columns(Gpu("gpu", model), Node())
    return {tuple(sorted(Counter(spot.profile for spot in each.made).items())) for each in columns if each.made}


def _tried(model: str, names: list[str]) -> set[tuple[tuple[str, int], ...]]:
    """The same, of every set of places that does not overlap."""
    board = supply(demand(dict.fromkeys(names, 1)), {model: 1}).boards[model]
    kinds = [each.kind for each in board.pieces]
    every = {tuple(sorted(Counter(kind for kind, _ in each).items())) for each in spots_of(board, kinds, [], [], 0)}
    counted = {each: Counter(dict(each)) for each in every}
    largest = [each for each in every if not any(counted[each] < other for other in counted.values())]
    return {tuple((kind.removeprefix("mig "), number) for kind, number in each) for each in largest}


@pytest.mark.parametrize(("names", "count"), COUNTS.values(), ids=COUNTS)
def test_a_seven_slice_card_has_so_many_layouts_that_are_full(names: list[str], count: int) -> None:
    found = _largest("a100-sxm4-80gb", names)
    assert len(found) == count
    assert found == _tried("a100-sxm4-80gb", names)


@pytest.mark.parametrize("card", CARDS)
def test_every_card_with_places_has_the_layouts_that_trying_gives(card: str) -> None:
    names = [str(each.name) for each in KNOWN.mig_profiles(card) if "gfx" not in str(each.name)]
    assert _largest(card, names) == _tried(card, names)


def test_a_card_of_four_slices_has_four_layouts_of_plain_instances() -> None:
    assert _largest("a30", ["1g.6gb", "2g.12gb", "4g.24gb"]) == {
        (("4g.24gb", 1),),
        (("2g.12gb", 2),),
        (("1g.6gb", 2), ("2g.12gb", 1)),
        (("1g.6gb", 4),),
    }


def test_what_the_driver_places_is_only_what_fits_wherever_it_puts_it() -> None:
    board = supply(demand({"1g.10gb": 1, "3g.40gb": 1}), {"a100-sxm4-80gb": 1}).boards["a100-sxm4-80gb"]
    filler = Filler(board, board.pieces, sparse=False)
    assert all(each.workload is Workload.CONTAINER for each in board.pieces)
    at_four = 0b10000
    ours = filler.fills(at_four, 6, ("",), by_driver=False)
    theirs = filler.fills(at_four, 6, ("",), by_driver=True)
    assert {Counter(spot.profile for spot in each)["3g.40gb"] for each in ours} == {0, 1}
    assert theirs == ours
    first_and_fifth = 0b10001
    assert all(
        spot.profile == "1g.10gb" for way in filler.fills(first_and_fifth, 5, ("",), by_driver=True) for spot in way
    )
