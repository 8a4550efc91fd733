"""Rules of nodes, tenants and reserves, and every objective: both searches agree, and the judge finds nothing wrong."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from random import Random

import pytest

from gpucarve.layout.fitting import boards, mip
from gpucarve.layout.fitting.answers import Answer
from gpucarve.layout.fitting.demand import Demand, Objective, Passthrough, Request, Whole, Workload
from gpucarve.layout.fitting.solutions import Proof
from gpucarve.layout.fitting.solving import Solver, fit
from gpucarve.layout.fitting.supply import Gpu, Grain, Node, Supply
from gpucarve.layout.fitting.wishes import serving
from gpucarve.layout.judging import faults
from tests.fit.cases import A30, A100, DRAINED, GPUS, KNOWN, MOVES, STRANDED, asked, demand, many, standing, supply

ORDERS = [each for number in (1, 2, 3) for each in permutations((GPUS, MOVES, DRAINED, STRANDED), number)]


def _answer(wanted: Demand, stock: Supply) -> Answer:
    answer = fit(wanted, stock, solver=Solver.OWN)
    assert faults(wanted, stock, answer) == []
    return answer


def _values(answer: Answer) -> dict[Objective | None, int]:
    return {each.objective: each.value for each in answer.stages}


def _by_chance(random: Random) -> tuple[Demand, Supply]:
    """Two or three nodes of two GPUs, with rules, and requests of two tenants and two workloads."""
    models = [KNOWN.gpu_model(each) for each in (A100, A30)]
    words = random.sample(["1g.10gb", "2g.20gb", "3g.40gb", "1g.6gb", "2g.12gb", "A100D-40C"], 2)
    found = [Request(asked(each), random.randint(1, 3), random.choice(("", "", "red"))) for each in words]
    found += [Request(each(), 1) for each in (Whole, Passthrough) if random.random() < 0.3]
    requests = tuple({(each.asked, each.tenant): each for each in found}.values())
    wanted = Demand(requests, random.choice(ORDERS), random.choice((0, 0, 1)), random.random() < 0.3)
    made = {model.id: boards.board(model, requests, KNOWN) for model in models if model}
    nodes, gpus = {}, []
    for number in range(random.randint(1, 2)):
        name = f"node {number}"
        grain = random.choice(list(Grain))
        nodes[name] = Node(
            grain,
            random.choice((None, None, Workload.CONTAINER)),
            uniform=random.random() < 0.25,
            closed=random.random() < 0.1,
        )
        model = random.choice((A100, A30))
        small = ("1g.10gb@0:1", "1g.10gb@5:1", "3g.40gb@4:4") if model == A100 else ("1g.6gb@0:1", "2g.12gb@2:2")
        for place in range(2):
            kinds = {each.kind for each in made[model].pieces}
            there = random.sample(small, random.randint(0, 2)) if random.random() < 0.6 else []
            spots = [each for each in there if not (each.startswith("1g.10gb@5") and "3g.40gb@4:4" in there)]
            stand = [standing(each, stays=random.random() < 0.1) for each in spots]
            stand = [each if each.kind in kinds else replace(each, kind="") for each in stand]
            gpus.append(Gpu(f"{name} gpu {place}", model, name, tuple(sorted(stand))))
    known = [model for model in models if model and model.id in {each.board for each in gpus}]
    used = {model.id: made[model.id] for model in known}
    return wanted, Supply(used, tuple(gpus), serving(known, requests, KNOWN), nodes)


@pytest.mark.skipif(not mip.available(), reason="the extra `fit` is not installed")
def test_both_searches_agree_under_every_rule_and_objective() -> None:
    for seed in range(many(120)):
        wanted, stock = _by_chance(Random(seed))  # noqa: S311 - an instance by chance, no secret
        own, highs = (fit(wanted, stock, solver=each) for each in (Solver.OWN, Solver.HIGHS))
        for each in (own, highs):
            assert faults(wanted, stock, each) == [], (seed, each.solver)
            assert all(stage.proof is not Proof.NONE for stage in each.stages), seed
        assert _values(own) == _values(highs), seed


def test_tenants_share_no_gpu() -> None:
    wanted = demand({"1g.10gb": 1, "2g.20gb": 1}, tenants={"1g.10gb": "red"})
    assert _values(_answer(wanted, supply(wanted, {A100: 3}))) == {GPUS: 2}


def test_tenants_share_no_node_where_nodes_are_kept_apart() -> None:
    wanted = replace(demand({"1g.10gb": 1, "2g.20gb": 1}, tenants={"1g.10gb": "red"}), isolate_nodes=True)
    stock = supply(wanted, {A100: 2})
    together = replace(stock, gpus=tuple(replace(each, node="node") for each in stock.gpus), nodes={"node": Node()})
    assert _answer(wanted, stock).fits
    assert sum(_answer(wanted, together).unmet.values()) == 1


def test_a_node_serves_one_workload() -> None:
    wanted = Demand((Request(asked("1g.10gb"), 1), Request(Passthrough(), 1)), (GPUS,))
    stock = supply(wanted, {A100: 2})
    together = replace(stock, gpus=tuple(replace(each, node="node") for each in stock.gpus), nodes={"node": Node()})
    assert _answer(wanted, stock).fits
    assert sum(_answer(wanted, together).unmet.values()) == 1


def test_gpus_in_reserve_stay_unused() -> None:
    wanted = replace(demand({"7g.80gb": 3}), spare_gpus=1)
    assert sum(_answer(wanted, supply(wanted, {A100: 3})).unmet.values()) == 1
    assert _answer(wanted, supply(wanted, {A100: 4})).fits


def test_a_request_in_reserve_has_its_room_too() -> None:
    wanted = Demand((Request(asked("7g.80gb"), 2, spare=1),), (GPUS,))
    assert _values(_answer(wanted, supply(wanted, {A100: 4}))) == {GPUS: 3}


def test_gpus_of_a_uniform_node_are_cut_alike() -> None:
    wanted = demand({"7g.80gb": 1, "1g.10gb": 1})
    stock = supply(wanted, {A100: 2})
    one = replace(
        stock, gpus=tuple(replace(each, node="node") for each in stock.gpus), nodes={"node": Node(uniform=True)}
    )
    assert _answer(wanted, stock).fits
    assert _answer(wanted, one).unmet


def _with_one_in_the_way(grain: Grain) -> tuple[Demand, Supply]:
    """Three 1g on one GPU that leave no place for a 3g, and two on the other of the node."""
    wanted = demand({"3g.40gb": 2, "1g.10gb": 5}, MOVES)
    stock = supply(wanted, {A100: 2})
    first = tuple(standing(f"1g.10gb@{at}:1") for at in (0, 1, 5))
    second = tuple(standing(f"1g.10gb@{at}:1") for at in (0, 1))
    gpus = tuple(
        replace(each, node="n", standing=there) for each, there in zip(stock.gpus, (first, second), strict=True)
    )
    return wanted, replace(stock, gpus=gpus, nodes={"n": Node(grain)})


@pytest.mark.parametrize(("grain", "moves"), [(Grain.INSTANCE, 1), (Grain.GPU, 5), (Grain.NODE, 5)])
def test_moves_are_what_the_platform_really_disturbs(grain: Grain, moves: int) -> None:
    answer = _answer(*_with_one_in_the_way(grain))
    assert (answer.fits, _values(answer)) == (True, {MOVES: moves})


def test_fewest_drained_nodes_gathers_the_moves_in_one_node() -> None:
    wanted = demand({"4g.40gb": 2, "1g.10gb": 6}, DRAINED, MOVES)
    stock = supply(wanted, {A100: 4})
    there = (tuple(standing(f"1g.10gb@{at}:1") for at in (0, 1)), (standing("1g.10gb@0:1"),))
    gpus = tuple(
        replace(each, node=f"node {number // 2}", standing=there[number % 2]) for number, each in enumerate(stock.gpus)
    )
    answer = _answer(wanted, replace(stock, gpus=gpus, nodes={"node 0": Node(), "node 1": Node()}))
    assert _values(answer)[DRAINED] == 1


def test_least_stranded_fills_a_gpu_so_that_no_slice_is_lost() -> None:
    wanted = demand({"3g.40gb": 2, "4g.40gb": 2}, GPUS, STRANDED)
    answer = _answer(wanted, supply(wanted, {A100: 3}))
    assert _values(answer) == {GPUS: 2, STRANDED: 0}
    waste = demand({"3g.40gb": 2}, GPUS, STRANDED)
    assert _values(_answer(waste, supply(waste, {A100: 3})))[STRANDED] == 840 // 7


def test_a_closed_node_is_left_as_it_is() -> None:
    wanted = demand({"1g.10gb": 2}, GPUS)
    stock = supply(wanted, {A100: 1})
    there = (replace(stock.gpus[0], node="n", standing=(standing("1g.10gb@0:1"),)),)
    closed = replace(stock, gpus=there, nodes={"n": Node(closed=True)})
    assert sum(_answer(wanted, closed).unmet.values()) == 1
    assert _answer(wanted, replace(closed, nodes={"n": Node()})).fits


def test_what_may_go_goes_where_the_node_can_then_serve_more_of_another_workload() -> None:
    wanted = Demand((Request(asked("1g.6gb"), 1), Request(Passthrough(), 2)), (GPUS,))
    stock = supply(wanted, {A30: 3})
    there = (standing("1g.6gb@0:1"), standing("2g.12gb@2:2", kind="", stays=True))
    gpus = tuple(
        replace(each, node="n", standing=there if not number else ()) for number, each in enumerate(stock.gpus)
    )
    answer = _answer(wanted, replace(stock, gpus=gpus, nodes={"n": Node()}))
    assert answer.unmet == {0: 1}


def test_an_instance_alone_stands_where_it_strands_nothing() -> None:
    wanted = demand({"3g.40gb": 1}, GPUS, STRANDED)
    answer = _answer(wanted, supply(wanted, {A100: 1}))
    assert _values(answer) == {GPUS: 1, STRANDED: 0}
    (item,) = answer.gpus[0].items
    assert str(item.placement) == "4:4"
