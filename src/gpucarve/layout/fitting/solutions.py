"""What a search of the model hands back: a pick for every member, who is served by which kind, and what is proved.

Boundary: values, and their sums in whole numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction

from gpucarve.layout.fitting.demand import Objective
from gpucarve.layout.fitting.models import Model, Pick, cost, mode_cost


class Proof(Enum):
    """How it is known that nothing is better."""

    PRICES = "prices"  # by prices that anybody can check: see `certificates`
    SEARCH = "search"  # by a search that was carried to its end
    NONE = "none"  # the limit came first


@dataclass(frozen=True, slots=True)
class Stage:
    """One objective, after those before it were held at their values: what was reached, and below what nothing is.

    `objective` None is what comes first of all: how much of the demand is left unmet. `prices` are what one of each of
    the model's kinds is worth, `earlier` what a unit of each objective before is.
    """

    objective: Objective | None
    value: int
    bound: int
    proof: Proof
    prices: tuple[Fraction, ...] = ()
    earlier: tuple[Fraction, ...] = ()


@dataclass(frozen=True, slots=True)
class Solution:
    """`picks` of each group, in the order of its members; `served` is how many of a kind go to a row: (row, kind)."""

    picks: tuple[tuple[Pick, ...], ...]
    served: Mapping[tuple[int, int], int]
    unmet: Mapping[int, int]
    stages: tuple[Stage, ...] = field(default=())


def produced(model: Model, picks: tuple[tuple[Pick, ...], ...]) -> tuple[int, ...]:
    """How much of each kind there is."""
    total = [0] * len(model.kinds)
    for (number, pick), times in _counted(picks).items():
        mode = model.groups[number].modes[pick.mode]
        for bag, column in zip(mode.bags, pick.columns, strict=True):
            for kind, amount in enumerate(bag[column].yields):
                total[kind] += amount * times
    return tuple(total)


def value(model: Model, picks: tuple[tuple[Pick, ...], ...], objective: Objective) -> int:
    """What an objective comes to."""
    total = 0
    for (number, pick), times in _counted(picks).items():
        mode = model.groups[number].modes[pick.mode]
        columns = (bag[column] for bag, column in zip(mode.bags, pick.columns, strict=True))
        total += times * (mode_cost(objective, mode) + sum(cost(objective, each) for each in columns))
    return total


def _counted(picks: tuple[tuple[Pick, ...], ...]) -> Counter[tuple[int, Pick]]:
    return Counter((number, pick) for number, group in enumerate(picks) for pick in group)
