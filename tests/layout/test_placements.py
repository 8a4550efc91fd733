"""The search for places: right for every card of the catalog, by comparison with trying everything."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import permutations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpucarve import catalog
from gpucarve.layout.placements import Overlap, Spot, TooHeavy, Wanted, place
from gpucarve.model.mig import Placement

KNOWN = catalog.load()
SLICES = {table.id: table.compute_slices or 0 for table in KNOWN.mig_tables() if table.memory_slices}
KINDS = {
    table.id: tuple(
        Wanted(str(each.name), 1, each.placements, each.compute_slices or 0)
        for each in KNOWN.mig_profiles(table.gpus[0])
    )
    for table in KNOWN.mig_tables()
    if table.id in SLICES
}
# One card for each shape: profiles of other sizes at the same places are the same search.
SHAPES = tuple(
    {tuple((each.placements, each.weight) for each in kinds): table for table, kinds in KINDS.items()}.values()
)


def _wanted(table: str, *names: str) -> list[Wanted]:
    """One thing a name, as often as it is named."""
    known = {each.name: each for each in KINDS[table]}
    return [known[name] for name in names]


def _placed(table: str, *names: str, keep: Collection[Spot] = (), spare: Collection[Spot] = ()) -> list[str]:
    found = place(_wanted(table, *names), SLICES[table], keep, spare)
    assert isinstance(found, tuple), found
    return [f"{each.name}@{each.placement}" for each in found]


def _spots(*texts: str) -> tuple[Spot, ...]:
    return tuple(Spot(Placement.parse(at), name) for name, _, at in (text.partition("@") for text in texts))


def _ways(wanted: Sequence[Wanted], chosen: tuple[Spot, ...] = ()) -> Iterator[tuple[Spot, ...]]:
    """Every way to put the things so that none overlaps another, by trying every place of each."""
    if not wanted:
        yield chosen
        return
    for at in wanted[0].placements:
        if not any(at.overlaps(each.placement) for each in chosen):
            yield from _ways(wanted[1:], (*chosen, Spot(at, wanted[0].name)))


def _choices(kinds: Sequence[Wanted], capacity: int) -> Iterator[list[Wanted]]:
    """Every number of every kind whose weight is within the capacity."""
    if not kinds:
        yield []
        return
    for count in range(capacity // kinds[0].weight + 1):
        for rest in _choices(kinds[1:], capacity - count * kinds[0].weight):
            yield [kinds[0]] * count + rest


def _stand(spots: tuple[Spot, ...], wanted: Sequence[Wanted]) -> bool:
    """Whether these are the things that were wanted, each at one of its places, none over another."""
    slices = [number for each in spots for number in range(each.placement.start, each.placement.end)]
    allowed = {each.name: each.placements for each in wanted}
    return (
        sorted(each.name for each in spots) == sorted(each.name for each in wanted)
        and all(each.placement in allowed[each.name] for each in spots)
        and len(slices) == len(set(slices))
    )


def _merits(way: Collection[Spot], keep: Collection[Spot], spare: Collection[Spot]) -> tuple[int, int]:
    """Things that move, things built over: the fewer the better."""
    over = [each for each in spare if each not in way and any(each.placement.overlaps(it.placement) for it in way)]
    return len(way) - len(set(way) & set(keep)), len(over)


@pytest.mark.parametrize("table", SHAPES)
def test_it_finds_places_exactly_where_trying_everything_finds_them(table: str) -> None:
    for wanted in _choices(KINDS[table], SLICES[table]):
        found = place(wanted, SLICES[table])
        possible = next(_ways(wanted), None) is not None
        assert isinstance(found, tuple) == possible, (wanted, found)
        assert not isinstance(found, tuple) or _stand(found, wanted), (wanted, found)


@pytest.mark.parametrize("table", SHAPES)
def test_a_cause_holds_what_plays_a_part_and_nothing_else(table: str) -> None:
    for wanted in _choices(KINDS[table], SLICES[table]):
        cause = place(wanted, SLICES[table])
        if isinstance(cause, Overlap):
            rest = [each for kind in cause.rest for each in [kind] * kind.count]
            assert next(_ways(rest), None)
            assert next(_ways([*rest, cause.left_out]), None) is None
            assert all(next(_ways([*rest[:n], *rest[n + 1 :], cause.left_out]), None) for n in range(len(rest)))


@st.composite
def _situations(draw: st.DrawFn) -> tuple[str, list[Wanted], list[Spot], list[Spot]]:
    """A card, some things that fit it by weight, what may be kept, what should be spared."""
    table = draw(st.sampled_from(SHAPES))
    wanted: list[Wanted] = []
    for each in draw(st.lists(st.sampled_from(KINDS[table]), min_size=1, max_size=5)):
        if sum(it.weight for it in (*wanted, each)) <= SLICES[table]:
            wanted.append(each)
    anywhere = [Spot(at, kind.name) for kind in KINDS[table] for at in kind.placements]
    there = [Spot(at, each.name) for each in wanted for at in each.placements]
    keep = draw(st.lists(st.sampled_from(there), max_size=6, unique=True))
    return table, wanted, keep, draw(st.lists(st.sampled_from(anywhere), max_size=4, unique=True))


@given(_situations())
def test_no_way_moves_fewer_things_or_builds_over_fewer(
    situation: tuple[str, list[Wanted], list[Spot], list[Spot]],
) -> None:
    table, wanted, keep, spare = situation
    found = place(wanted, SLICES[table], keep, spare)
    if isinstance(found, tuple):
        assert _stand(found, wanted)
        assert _merits(found, keep, spare) == min(_merits(way, keep, spare) for way in _ways(wanted))


@given(_situations(), st.randoms())
def test_the_order_in_which_things_are_named_does_not_matter(
    situation: tuple[str, list[Wanted], list[Spot], list[Spot]], random: Random
) -> None:
    table, wanted, keep, spare = situation
    found = place(wanted, SLICES[table], keep, spare)
    for each in (wanted, keep, spare):
        random.shuffle(each)
    assert place(wanted, SLICES[table], keep, spare) == found


@given(_situations(), st.data())
def test_carried_out_in_part_the_choice_stays_what_it_was(
    situation: tuple[str, list[Wanted], list[Spot], list[Spot]], data: st.DataObject
) -> None:
    table, wanted, keep, spare = situation
    found = place(wanted, SLICES[table], keep, spare)
    if isinstance(found, tuple):
        made = data.draw(st.lists(st.sampled_from(found), unique=True)) if found else []
        still = [each for each in keep if each in found or data.draw(st.booleans())]
        assert place(wanted, SLICES[table], [*still, *made], spare) == found


@pytest.mark.parametrize("names", sorted(set(permutations(("1g.10gb", "2g.20gb", "2g.20gb", "2g.20gb")))))
def test_a_list_that_placing_in_its_order_would_fail_on_comes_out_in_every_order(names: tuple[str, ...]) -> None:
    assert _placed("a100-80gb", *names) == ["2g.20gb@0:2", "2g.20gb@2:2", "2g.20gb@4:2", "1g.10gb@6:1"]


FITS = {
    "a 4g and a 3g fill a card": ("a100-80gb", ["4g.40gb@0:4", "3g.40gb@4:4"]),
    "the largest stands lowest": ("h100-80gb", ["3g.40gb@0:4", "2g.20gb@4:2", "1g.10gb@6:1"]),
    "two of three and no more": ("a100-40gb", ["3g.20gb@0:4", "3g.20gb@4:4"]),
    "four slices of an A30": ("a30-24gb", ["2g.12gb@0:2", "1g.6gb@2:1", "1g.6gb@3:1"]),
    "twelve memory slices": (
        "rtx-pro-6000-blackwell-96gb",
        ["2g.48gb+gfx@0:6", "1g.24gb+gfx@6:3", "1g.24gb+gfx@9:3"],
    ),
}


@pytest.mark.parametrize(("table", "spots"), FITS.values(), ids=FITS)
def test_what_fits_stands_where_the_driver_would_have_it(table: str, spots: list[str]) -> None:
    assert _placed(table, *(each.partition("@")[0] for each in spots)) == spots


def test_two_of_three_slices_leave_no_memory_for_a_seventh_compute_slice() -> None:
    cause = place(_wanted("a100-80gb", "3g.40gb", "1g.10gb", "3g.40gb"), 7)
    assert isinstance(cause, Overlap)
    assert [(each.name, each.count) for each in cause.rest] == [("3g.40gb", 2)]
    assert (cause.left_out.name, cause.taken, cause.slices, cause.weight_left) == ("1g.10gb", 8, 8, 1)


def test_more_weight_than_the_capacity_is_said_before_anything_is_searched() -> None:
    assert place(_wanted("a100-80gb", "4g.40gb", "4g.40gb"), 7) == TooHeavy(8, 7)
    (kind,) = _wanted("a100-80gb", "1g.10gb")
    assert place([Wanted(kind.name, 10**9, kind.placements, 1)], 7) == TooHeavy(10**9, 7)


def test_what_somebody_holds_keeps_its_place_before_all_that_merely_stands() -> None:
    keep = _spots("2g.20gb@2:2", "1g.10gb@4:1", "1g.10gb@5:1")
    held = _spots("2g.20gb@4:2")
    wanted = (_wanted("a100-80gb", "2g.20gb", "1g.10gb", "1g.10gb"), SLICES["a100-80gb"])
    assert set(keep) == set(place(*wanted, keep=keep))  # type: ignore[arg-type]  # there is room
    found = place(*wanted, keep=[*keep, *held], held=held)
    assert set(held) <= set(found)  # type: ignore[arg-type]  # as above


def test_what_stands_keeps_its_place() -> None:
    keep = _spots("2g.20gb@4:2", "1g.10gb@1:1")
    found = _placed("a100-80gb", "2g.20gb", "1g.10gb", "1g.10gb", keep=keep)
    assert found == ["1g.10gb@0:1", "1g.10gb@1:1", "2g.20gb@4:2"]


def test_what_stands_moves_where_not_everything_would_fit_else() -> None:
    keep = _spots("1g.10gb@0:1")
    assert "1g.10gb@6:1" in _placed("a100-80gb", "1g.10gb", "2g.20gb", "2g.20gb", "2g.20gb", keep=keep)


def test_what_is_not_wanted_is_built_around_where_there_is_room() -> None:
    spare = _spots("3g.40gb@0:4")
    assert _placed("a100-80gb", "3g.40gb", spare=_spots("1g.10gb@2:1")) == ["3g.40gb@4:4"]
    assert _placed("a100-80gb", "4g.40gb", spare=spare) == ["4g.40gb@0:4"]


def test_nothing_wanted_is_placed_with_nothing() -> None:
    assert place([], 7) == ()
