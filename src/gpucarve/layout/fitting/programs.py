"""The model as a program of rows and columns of numbers, as solvers take it.

Boundary: arithmetic alone; knows no solver.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TypeAlias

from gpucarve.layout.fitting.demand import Objective
from gpucarve.layout.fitting.models import Group, Model, Row, cost, mode_cost

_Terms: TypeAlias = list[tuple[int, float]]


@dataclass(slots=True)
class Program:
    """`rows` are (lower, upper, terms), variables go from 0 to their `upper`, all in whole numbers.

    The rest says where the model's parts are: the variables of (group, mode), of (group, mode, place of the GPU), of
    (request, kind) and of what a request lacks; the rows of kinds.
    """

    upper: list[float] = field(default_factory=list)
    rows: list[tuple[float, float, _Terms]] = field(default_factory=list)
    modes: dict[tuple[int, int], int] = field(default_factory=dict)
    columns: dict[tuple[int, int, int], range] = field(default_factory=dict)
    served: dict[tuple[int, int], int] = field(default_factory=dict)
    unmet: dict[int, int] = field(default_factory=dict)
    kinds: dict[int, int] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """How many variables there are."""
        return len(self.upper)

    def variable(self, upper: float) -> int:
        """A new one."""
        self.upper.append(upper)
        return len(self.upper) - 1

    def row(self, lower: float, upper: float, terms: _Terms) -> int:
        """A new one."""
        self.rows.append((lower, upper, terms))
        return len(self.rows) - 1


def program(model: Model) -> Program:
    """The program of a model; what is unmet is bounded by 0 until somebody allows more."""
    found = Program()
    for number, group in enumerate(model.groups):
        _group(found, number, group)
    yields = _yields(model, found)
    _requests(model, found, yields)
    for kind, limit in enumerate(model.limits or ()):
        found.row(-math.inf, float(limit), yields[kind])
    if model.most_gpus is not None:
        gpus = costs(model, found, Objective.FEWEST_GPUS)
        found.row(-math.inf, float(model.most_gpus), [(each, number) for each, number in enumerate(gpus) if number])
    return found


def costs(model: Model, program: Program, objective: Objective) -> list[float]:
    """What each variable adds to an objective."""
    found = [0.0] * program.size
    for (number, mode, place), columns in program.columns.items():
        for variable, column in zip(columns, model.groups[number].modes[mode].bags[place], strict=True):
            found[variable] = float(cost(objective, column))
    for (number, mode), variable in program.modes.items():
        found[variable] = float(mode_cost(objective, model.groups[number].modes[mode]))
    return found


def _group(found: Program, number: int, group: Group) -> None:
    many = float(len(group.members))
    modes = group.modes
    counted = len(modes) > 1 or modes[0].drained > 0
    if counted:
        for mode in range(len(modes)):
            found.modes[number, mode] = found.variable(many)
        found.row(many, many, [(found.modes[number, mode], 1.0) for mode in range(len(modes))])
    for mode, each in enumerate(modes):
        for place, bag in enumerate(each.bags):
            first = found.size
            for _ in bag:
                found.variable(many)
            variables = found.columns[number, mode, place] = range(first, first + len(bag))
            terms = [(variable, 1.0) for variable in variables]
            if counted:
                found.row(0.0, 0.0, [*terms, (found.modes[number, mode], -1.0)])
            else:
                found.row(many, many, terms)


def _yields(model: Model, found: Program) -> list[_Terms]:
    """The variables that yield each kind."""
    yields: list[_Terms] = [[] for _ in model.kinds]
    for (number, mode, place), columns in found.columns.items():
        for variable, column in zip(columns, model.groups[number].modes[mode].bags[place], strict=True):
            for kind, amount in enumerate(column.yields):
                if amount:
                    yields[kind].append((variable, float(amount)))
    return yields


def _requests(model: Model, found: Program, yields: list[_Terms]) -> None:
    """A request that alone is served by one kind is met by its yields; others take of the kinds that serve them."""
    shared = Counter(kind for row in model.rows for kind, _ in row.options)
    taken: dict[int, _Terms] = {}
    for row in model.rows:
        unmet = found.unmet[row.request] = found.variable(0.0)
        if len(row.options) == 1 and row.options[0][1] == 1 and shared[row.options[0][0]] == 1:
            kind = row.options[0][0]
            found.kinds[kind] = found.row(float(row.need), math.inf, [*yields[kind], (unmet, 1.0)])
        else:
            _served(found, row, unmet, taken)
    for kind, terms in taken.items():
        found.kinds[kind] = found.row(0.0, math.inf, [*yields[kind], *terms])


def _served(found: Program, row: Row, unmet: int, taken: dict[int, _Terms]) -> None:
    terms = [(unmet, 1.0)]
    for kind, worth in row.options:
        variable = found.served[row.request, kind] = found.variable(float(-(-row.need // worth)))
        terms.append((variable, float(worth)))
        taken.setdefault(kind, []).append((variable, -1.0))
    found.row(float(row.need), math.inf, terms)
