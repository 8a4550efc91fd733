"""What is said to be the best is the best: equal to trying everything, and found right by the judge."""

from __future__ import annotations

from random import Random

import pytest

from gpucarve.layout.fitting import mip
from gpucarve.layout.fitting.demand import Objective
from gpucarve.layout.fitting.solutions import Proof
from gpucarve.layout.fitting.solving import Solver, fit
from gpucarve.layout.judging import faults
from tests.fit import brute
from tests.fit.cases import GPUS, MOVES, by_chance, many

ORDERS = [(GPUS, MOVES), (MOVES, GPUS)]


def _equal(seed: int, objectives: tuple[Objective, ...], solver: Solver) -> None:
    demand, supply = by_chance(Random(seed), objectives)  # noqa: S311 - an instance by chance, no secret
    answer = fit(demand, supply, solver=solver)
    assert faults(demand, supply, answer) == [], seed
    unmet, values = brute.best(demand, supply)
    assert sum(answer.unmet.values()) == unmet, seed
    assert tuple(each.value for each in answer.stages if each.objective) == values, seed
    assert all(each.proof is not Proof.NONE for each in answer.stages)


@pytest.mark.parametrize("objectives", ORDERS, ids=lambda each: each[0].value)
def test_the_own_search_is_equal_to_trying_everything(objectives: tuple[Objective, ...]) -> None:
    for seed in range(many(400)):
        _equal(seed, objectives, Solver.OWN)


@pytest.mark.skipif(not mip.available(), reason="the extra `fit` is not installed")
@pytest.mark.parametrize("objectives", ORDERS, ids=lambda each: each[0].value)
def test_the_solver_is_equal_to_trying_everything(objectives: tuple[Objective, ...]) -> None:
    for seed in range(many(100)):
        _equal(seed, objectives, Solver.HIGHS)
