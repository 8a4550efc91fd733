"""The model solved without a solver: every way that differs in what it yields, member after member.

What matters of the members that are through is how much of each kind they yield, up to what is needed, and what they
cost; the cheapest way to each such sum is kept. That ends soon for a handful of GPUs and a short demand. A larger one
comes to the limit of `effort` (sums looked at), and then a plain choice is handed back, with what prices prove of it.

Boundary: exact and small; for a fleet there is `mip`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from gpucarve.layout.fitting import serving
from gpucarve.layout.fitting.models import Group, Model, Pick, cost, mode_cost
from gpucarve.layout.fitting.solutions import Proof, Solution, Stage, produced, value

_Cost: TypeAlias = tuple[int, ...]
_Sum: TypeAlias = tuple[int, ...]  # of each kind, up to what is needed; then the GPUs in use, where they are limited
_Choices: TypeAlias = dict[_Sum, tuple[_Cost, Pick]]
_Layer: TypeAlias = dict[_Sum, tuple[_Cost, _Sum, Pick]]


class TooLarge(Exception):
    """Raised when the effort is spent."""


def solve(model: Model, effort: int) -> Solution:
    """The best solution; within `effort` sums, or else a plain one."""
    try:
        picks = _search(model, effort)
    except TooLarge:
        return _told(model, _plain(model), proved=False)
    return _told(model, picks, proved=True)


def _told(model: Model, picks: tuple[tuple[Pick, ...], ...], *, proved: bool) -> Solution:
    served, unmet = serving.serve(model.rows, produced(model, picks))
    proof = Proof.SEARCH if proved else Proof.NONE
    missing = sum(unmet.values())
    stages = [Stage(None, missing, missing if proved else 0, proof)] if missing else []
    for objective in model.objectives:
        reached = value(model, picks, objective)
        stages.append(Stage(objective, reached, reached if proved else 0, proof))
    return Solution(picks, served, unmet, tuple(stages))


def _search(model: Model, effort: int) -> tuple[tuple[Pick, ...], ...]:
    most = _most(model)
    start = (0,) * (len(most) + (model.most_gpus is not None))
    layers: list[_Layer] = [{start: ((0,) * len(model.objectives), start, Pick(0, ()))}]
    for group in model.groups:
        choices = _choices(model, group, most)
        for _ in group.members:
            effort -= len(layers[-1]) * len(choices)
            if effort < 0:
                raise TooLarge
            layers.append(_next(layers[-1], choices, most, model))
    ends = ((sum(serving.serve(model.rows, end)[1].values()), found[0], end) for end, found in layers[-1].items())
    here = min(ends)[2]
    way: list[Pick] = []
    for layer in reversed(layers[1:]):
        _, before, pick = layer[here]
        way.append(pick)
        here = before
    return _by_group(model, way[::-1])


def _by_group(model: Model, way: Sequence[Pick]) -> tuple[tuple[Pick, ...], ...]:
    found, first = [], 0
    for group in model.groups:
        found.append(tuple(way[first : first + len(group.members)]))
        first += len(group.members)
    return tuple(found)


def _next(layer: _Layer, choices: _Choices, most: _Sum, model: Model) -> _Layer:
    found: _Layer = {}
    for before, (paid, _, _) in layer.items():
        for more, (price, pick) in choices.items():
            after = _added(before, more, most)
            if not _allowed(model, after):
                continue
            total = tuple(map(int.__add__, paid, price))
            if after not in found or total < found[after][0]:
                found[after] = total, before, pick
    return found


def _allowed(model: Model, end: _Sum) -> bool:
    """Whether there is not too much of anything. Where that counts, a sum goes up to one more than there may be."""
    if model.most_gpus is not None and end[-1] > model.most_gpus:
        return False
    return model.limits is None or all(map(int.__le__, end, model.limits))


def _most(model: Model) -> _Sum:
    if model.limits is not None:
        return tuple(each + 1 for each in model.limits)
    return serving.useful(model.rows, len(model.kinds))


def _added(one: _Sum, other: _Sum, most: _Sum) -> _Sum:
    plain = tuple(min(a + b, limit) for a, b, limit in zip(one, other, most, strict=False))
    return plain if len(one) == len(most) else (*plain, one[-1] + other[-1])


def _choices(model: Model, group: Group, most: _Sum) -> _Choices:
    """The ways of one member that differ in what they yield, each at its lowest cost."""
    found: _Choices = {}
    counted = model.most_gpus is not None
    for number, mode in enumerate(group.modes):
        price = tuple(mode_cost(each, mode) for each in model.objectives)
        ways: dict[_Sum, tuple[_Cost, tuple[int, ...]]] = {(0,) * (len(most) + counted): (price, ())}
        for bag in mode.bags:
            longer: dict[_Sum, tuple[_Cost, tuple[int, ...]]] = {}
            for before, (paid, columns) in ways.items():
                for place, column in enumerate(bag):
                    after = _added(before, (*column.yields, column.gpus) if counted else column.yields, most)
                    total = tuple(a + cost(each, column) for a, each in zip(paid, model.objectives, strict=True))
                    if after not in longer or total < longer[after][0]:
                        longer[after] = total, (*columns, place)
            ways = longer
        for end, (paid, columns) in ways.items():
            if end not in found or paid < found[end][0]:
                found[end] = paid, Pick(number, columns)
    return found


def _plain(model: Model) -> tuple[tuple[Pick, ...], ...]:
    """Member by member what is best in the objectives, then again those that add most of what is still missing."""
    most = serving.useful(model.rows, len(model.kinds))
    choices = [_choices(model, group, most) for group in model.groups]
    members = [number for number, group in enumerate(model.groups) for _ in group.members]
    chosen = [min(choices[number].items(), key=lambda each: (each[1][0], each[0]))[0] for number in members]
    have = [sum(each) for each in zip(*chosen, strict=True)] if chosen else []
    for place, number in enumerate(members):
        counted = model.most_gpus is not None
        missing = [max(limit - got, 0) for limit, got in zip(most, have, strict=False)]
        if not any(missing):
            break
        here = chosen[place]
        rest = [got - mine for got, mine in zip(have, here, strict=True)]
        open_ = [max(limit - got, 0) for limit, got in zip(most, rest, strict=False)]

        def worth(end: _Sum, open_: list[int] = open_, number: int = number) -> tuple[int, _Cost]:
            gained = sum(min(a, b) for a, b in zip(end, open_, strict=False))
            return -gained, choices[number][end][0]

        fitting = [end for end in choices[number] if not counted or rest[-1] + end[-1] <= (model.most_gpus or 0)]
        chosen[place] = min(fitting or [here], key=worth)
        have = [got + mine for got, mine in zip(rest, chosen[place], strict=True)]
    return _by_group(model, [choices[number][end][1] for number, end in zip(members, chosen, strict=True)])
