"""Proof by prices: a lower bound that anybody can work out again.

Put a price on one of each kind. A GPU can do no better than the column whose cost, less the price of what it yields, is
least; a request no better than to be served at the lowest price. The sum of all that is below the cost of every layout,
whatever the prices are (Lagrange's relaxation); with good ones, which a linear program gives, it is seldom more than a
fraction below the best, and a cost is a whole number.

Boundary: the bound over a model's columns. `layout.checking` works it out once more from nothing but the cards.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from gpucarve.layout.fitting.models import Mode, Model, cost, mode_cost
from gpucarve.layout.fitting.patterns import Column
from gpucarve.layout.fitting.solutions import Proof, Stage


def prove(model: Model, stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """Each stage with its proof by prices, where those that it has, or simple ones, prove its value.

    GPUs that are to be cut alike have no price for themselves, so what is proved of them is proved by search.
    """
    if model.uniform:
        return tuple(stages)
    found: list[Stage] = []
    for stage in stages:
        best, nothing = stage, (Fraction(0),) * len(found)
        for prices in dict.fromkeys((stage.prices, *_simple(model))):
            if len(prices) != len(model.kinds):
                continue
            earlier = stage.earlier if len(stage.earlier) == len(found) and prices == stage.prices else nothing
            least = math.ceil(bound(model, replace(stage, prices=prices, earlier=earlier), found))
            if least >= max(best.bound, 1) and best.proof is not Proof.PRICES:
                proof = Proof.PRICES if least >= stage.value else stage.proof
                best = replace(stage, prices=prices, earlier=earlier, bound=max(least, stage.bound), proof=proof)
        if not stage.value:
            best = replace(
                stage,
                bound=0,
                proof=Proof.PRICES,
                prices=(Fraction(0),) * len(model.kinds),
                earlier=(Fraction(0),) * len(found),
            )
        found.append(best)
    return tuple(found)


def bound(model: Model, stage: Stage, before: Sequence[Stage]) -> Fraction:
    """What no layout costs less than, by the stage's prices; `before` are the stages whose values were held."""
    total = -sum((price * each.value for price, each in zip(stage.earlier, before, strict=True)), Fraction(0))
    weights = [(each.objective, price) for price, each in zip(stage.earlier, before, strict=True)]
    known: dict[Column, Fraction] = {}

    def net(column: Column) -> Fraction:
        if column not in known:
            own = cost(stage.objective, column) if stage.objective else 0
            held = sum((price * cost(each, column) for each, price in weights if each), Fraction(0))
            worth = sum(
                (price * amount for price, amount in zip(stage.prices, column.yields, strict=True) if amount),
                Fraction(0),
            )
            known[column] = own + held - worth
        return known[column]

    def whole(mode: Mode) -> Fraction:
        own = mode_cost(stage.objective, mode) if stage.objective else 0
        held = sum((price * mode_cost(each, mode) for each, price in weights if each), Fraction(0))
        return own + held + sum((min(net(column) for column in bag) for bag in mode.bags), Fraction(0))

    for group in model.groups:
        total += len(group.members) * min(whole(mode) for mode in group.modes)
        known.clear()
    unmet = Fraction(1) if stage.objective is None else next((price for each, price in weights if each is None), None)
    for row in model.rows:
        total += cheapest(row.need, [(stage.prices[kind], worth) for kind, worth in row.options], unmet)
    return total


def cheapest(need: int, options: Sequence[tuple[Fraction, int]], unmet: Fraction | None) -> Fraction:
    """The lowest price at which a need can be served with whole numbers of (price, worth); `unmet` is the price of
    leaving one unserved, None where that is not allowed."""
    offered = sorted([*options, *([(unmet, 1)] if unmet is not None else [])], key=lambda each: each[0] / each[1])
    if not offered:
        return Fraction(0)
    best = min(price * -(-need // worth) for price, worth in offered)

    def below(first: int, need: int, paid: Fraction) -> None:
        nonlocal best
        if need <= 0:
            best = min(best, paid)
            return
        if first == len(offered) or paid + need * offered[first][0] / offered[first][1] >= best:
            return
        price, worth = offered[first]
        for number in range(-(-need // worth), -1, -1):
            below(first + 1, need - number * worth, paid + number * price)

    if any(worth != 1 for _, worth in offered):
        below(0, need, Fraction(0))
    return best


def _simple(model: Model) -> list[tuple[Fraction, ...]]:
    """Prices without a solver: what one of a kind takes of the GPU that holds most of it, for one kind and for all."""
    most = [0] * len(model.kinds)
    for group in model.groups:
        for mode in group.modes:
            for bag in mode.bags:
                for column in bag:
                    for kind, amount in enumerate(column.yields):
                        most[kind] = max(most[kind], amount)
    shares = tuple(Fraction(1, each) if each else Fraction(0) for each in most)
    single = [
        tuple(share if place == kind else Fraction(0) for place in range(len(shares)))
        for kind, share in enumerate(shares)
    ]
    return [shares, *single]
