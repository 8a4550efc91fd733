"""The order of moves: the new place before the old one goes, budgets kept where there is room, and told where not."""

from __future__ import annotations

from dataclasses import replace

from gpucarve.layout.fitting.answers import Answer
from gpucarve.layout.fitting.demand import Demand
from gpucarve.layout.fitting.moves import Order, moves, order
from gpucarve.layout.fitting.solving import fit
from gpucarve.layout.fitting.supply import Grain, Node, Supply
from tests.fit.cases import A100, MOVES, demand, standing, supply

ONE = ("mig 1g.10gb", "")


def _fitted(wanted: Demand, *there: tuple[str, ...], grain: Grain = Grain.INSTANCE) -> tuple[Supply, Answer]:
    stock = supply(wanted, {A100: len(there)})
    gpus = tuple(
        replace(gpu, node="n", standing=tuple(standing(each) for each in spots))
        for gpu, spots in zip(stock.gpus, there, strict=True)
    )
    stock = replace(stock, gpus=gpus, nodes={"n": Node(grain)})
    answer = fit(wanted, stock)
    assert answer.fits
    return stock, answer


def _live(stock: Supply, found: Order) -> list[int]:
    """How many 1g.10gb there are after each step."""
    number = sum(each.kind == ONE[0] for gpu in stock.gpus for each in gpu.standing)
    counts = []
    for step in found.steps:
        if step.place.kind == ONE[0]:
            number += 1 if step.make else -1
        counts.append(number)
    return counts


def test_what_moves_is_made_at_its_new_place_before_the_old_one_goes() -> None:
    stock, answer = _fitted(demand({"3g.40gb": 1, "1g.10gb": 3}, MOVES), ("1g.10gb@0:1", "1g.10gb@1:1", "1g.10gb@5:1"))
    (move,) = moves(stock, answer)
    assert (str(move.what.placement), str(move.to.placement) if move.to else "") == ("5:1", "2:1")
    found = order(stock, answer)
    assert (found.short, found.over) == ({}, ())
    assert min(_live(stock, found)) == 3
    assert [step.make for step in found.steps] == [True, False, True]


def test_two_that_wait_for_each_others_gpu_are_told_to_be_short_and_a_budget_allows_it() -> None:
    wanted = demand({"3g.40gb": 1, "1g.10gb": 4}, MOVES)
    stock, answer = _fitted(wanted, ("1g.10gb@0:1", "1g.10gb@1:1", "1g.10gb@4:1", "1g.10gb@5:1"), grain=Grain.GPU)
    found = order(stock, answer)
    assert found.short == {ONE: 4}
    assert found.over == (ONE,)
    assert order(stock, answer, {ONE: 4}).over == ()


def test_a_gpu_that_is_made_anew_is_emptied_first_onto_one_that_has_room() -> None:
    wanted = demand({"3g.40gb": 1, "4g.40gb": 1, "1g.10gb": 3}, MOVES)
    stock, answer = _fitted(wanted, ("1g.10gb@0:1", "1g.10gb@1:1", "1g.10gb@5:1"), (), grain=Grain.GPU)
    found = order(stock, answer)
    assert not found.short
    assert min([3, *_live(stock, found)]) == 3


def test_every_step_leaves_gpus_on_which_nothing_overlaps() -> None:
    wanted = demand({"3g.40gb": 2, "2g.20gb": 1, "1g.10gb": 6}, MOVES)
    there = (
        ("1g.10gb@0:1", "1g.10gb@2:1", "1g.10gb@5:1"),
        ("1g.10gb@1:1", "1g.10gb@4:1", "1g.10gb@6:1"),
        ("2g.20gb@2:2",),
    )
    stock, answer = _fitted(wanted, *there)
    on = {gpu.name: [each.placement for each in gpu.standing] for gpu in stock.gpus}
    for step in order(stock, answer).steps:
        places = on[step.place.gpu]
        if step.make:
            assert step.place.placement is not None
            assert not any(each and each.overlaps(step.place.placement) for each in places)
            places.append(step.place.placement)
        else:
            places.remove(step.place.placement)
    final = {cut.gpu: sorted(str(item.placement) for item in cut.items) for cut in answer.gpus}
    assert {name: sorted(map(str, places)) for name, places in on.items()} == final
