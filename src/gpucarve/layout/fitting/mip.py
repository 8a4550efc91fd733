"""The model solved as a mixed-integer program by HiGHS, which the extra `fit` brings.

One objective after the other, each held at its value for those that follow. Every objective is a whole number, so a gap
below one is none. One thread and HiGHS's fixed seed: the same model gives the same answer.

Boundary: the model's `programs` to HiGHS and back. What it answers is counted again in whole numbers; its bound is
believed only where `certificates` has none of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from importlib.util import find_spec
from typing import TYPE_CHECKING

from gpucarve.errors import BugError
from gpucarve.layout.fitting import programs
from gpucarve.layout.fitting.demand import Objective
from gpucarve.layout.fitting.models import Group, Model, Pick
from gpucarve.layout.fitting.programs import Program
from gpucarve.layout.fitting.solutions import Proof, Solution, Stage, value

if TYPE_CHECKING:
    import highspy

_PRECISION = 10**6
_SLACK = 1e-6
_FEASIBLE = 2  # HiGHS's kSolutionStatusFeasible


def available() -> bool:
    """Whether HiGHS is installed."""
    return find_spec("highspy") is not None


def solve(model: Model, time_limit: float) -> Solution | None:
    """The best solution, or the best that was found within `time_limit` seconds of work, with what is proved of it.

    None where the time was too short for any.
    """
    program = programs.program(model)
    run = _Run(model, program, time_limit)
    stages: list[Stage] = []
    try:
        if not run.feasible():
            missing = set(program.unmet.values())
            stages.append(run.stage(None, [float(each in missing) for each in range(program.size)]))
        for objective in model.objectives:
            stages.append(run.stage(objective, programs.costs(model, program, objective)))
    except TimeoutError:
        return None
    return run.solution(tuple(stages))


class _Run:
    """HiGHS with the program in it, from stage to stage."""

    def __init__(self, model: Model, program: Program, time_limit: float) -> None:
        import highspy  # noqa: PLC0415 - behind the extra `fit`

        self._highs = highspy
        self._model, self._program, self._left = model, program, time_limit
        self._solver = highspy.Highs()  # type: ignore[no-untyped-call]  # its __init__ has no annotations
        self._solver.setOptionValue("output_flag", False)
        self._solver.setOptionValue("threads", 1)
        self._solver.setOptionValue("mip_rel_gap", 0.0)
        self._solver.setOptionValue("mip_abs_gap", 1 - _SLACK)
        self._solver.passModel(self._lp())
        self._values: list[int] = []
        self._earlier: list[int] = []

    def _lp(self) -> highspy.HighsLp:
        program, lp = self._program, self._highs.HighsLp()
        lp.num_col_, lp.num_row_ = program.size, len(program.rows)
        lp.col_cost_ = [0.0] * program.size
        lp.col_lower_, lp.col_upper_ = [0.0] * program.size, program.upper
        lp.row_lower_ = [lower for lower, _, _ in program.rows]
        lp.row_upper_ = [upper for _, upper, _ in program.rows]
        starts, indexes, numbers = [0], [], []
        for _, _, terms in program.rows:
            indexes += [each for each, _ in terms]
            numbers += [number for _, number in terms]
            starts.append(len(indexes))
        lp.a_matrix_.format_ = self._highs.MatrixFormat.kRowwise
        lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = starts, indexes, numbers
        lp.integrality_ = [self._highs.HighsVarType.kInteger] * program.size
        return lp

    def feasible(self) -> bool:
        """Whether all can be served; else what is unmet may be from now on."""
        if self._solve() is not None:
            return True
        for request, variable in self._program.unmet.items():
            self._solver.changeColBounds(variable, 0.0, float(self._model.rows[request].need))
        return False

    def stage(self, objective: Objective | None, costs: Sequence[float]) -> Stage:
        """Minimise, and hold what was reached for the stages to come. Raises TimeoutError."""
        self._solver.changeColsCost(len(costs), list(range(len(costs))), list(costs))
        prices, earlier = self._prices()
        bound = self._solve()
        reached = round(sum(cost * number for cost, number in zip(costs, self._values, strict=True)))
        terms = [(each, cost) for each, cost in enumerate(costs) if cost]
        where, numbers = [each for each, _ in terms], [cost for _, cost in terms]
        self._solver.addRow(-math.inf, float(reached), len(terms), where, numbers)
        self._earlier.append(self._solver.getNumRow() - 1)
        least = reached if bound is None else max(min(reached, math.ceil(bound - _SLACK)), 0)
        proof = Proof.SEARCH if least == reached else Proof.NONE
        return Stage(objective, reached, least, proof, prices, earlier)

    def _prices(self) -> tuple[tuple[Fraction, ...], tuple[Fraction, ...]]:
        """What one more of each kind would cost, and one less of each earlier objective, where parts are allowed."""
        self._whole_numbers(wanted=False)
        self._solver.run()
        duals = self._solver.getSolution().row_dual
        rows, kinds = self._program.kinds, range(len(self._model.kinds))
        found = tuple(_fraction(duals[rows[kind]]) if kind in rows else Fraction(0) for kind in kinds)
        earlier = tuple(_fraction(-duals[row]) for row in self._earlier)
        self._whole_numbers(wanted=True)
        return found, earlier

    def _whole_numbers(self, *, wanted: bool) -> None:
        size, types = self._program.size, self._highs.HighsVarType
        each = types.kInteger if wanted else types.kContinuous
        self._solver.changeColsIntegrality(size, list(range(size)), [each] * size)  # type: ignore[arg-type]  # lists do

    def _solve(self) -> float | None:
        """Run; the bound that is proved, None where there is no solution at all. Raises TimeoutError."""
        self._solver.setOptionValue("time_limit", max(self._left, 0.1))
        self._solver.run()
        self._left -= self._solver.getRunTime()
        status, info = self._solver.getModelStatus(), self._solver.getInfo()
        if status == self._highs.HighsModelStatus.kInfeasible:
            return None
        if info.primal_solution_status == _FEASIBLE:
            self._values = [round(each) for each in self._solver.getSolution().col_value]
        elif not self._values:
            raise TimeoutError
        return float(info.mip_dual_bound)

    def solution(self, stages: tuple[Stage, ...]) -> Solution:
        """What was found last, member by member. Raises BugError where it is not what the solver says."""
        picks = tuple(tuple(self._picks(number, group)) for number, group in enumerate(self._model.groups))
        served = {key: self._values[variable] for key, variable in self._program.served.items()}
        missing = {request: self._values[variable] for request, variable in self._program.unmet.items()}
        for row in self._model.rows:
            if row.options and (row.request, row.options[0][0]) not in served:
                served[row.request, row.options[0][0]] = row.need - missing[row.request]
        for stage in stages:
            if stage.objective is not None and value(self._model, picks, stage.objective) > stage.value:
                raise BugError(f"the solver's layout is worse than it says: {stage.objective.value}")
        return Solution(picks, served, {request: number for request, number in missing.items() if number}, stages)

    def _picks(self, number: int, group: Group) -> Iterator[Pick]:
        program = self._program
        for mode, each in enumerate(group.modes):
            chosen = program.modes.get((number, mode))
            many = len(group.members) if chosen is None else self._values[chosen]
            queues = [self._queue(program.columns[number, mode, place]) for place in range(len(each.bags))]
            for member in range(many):
                yield Pick(mode, tuple(queue[member] for queue in queues))

    def _queue(self, variables: range) -> list[int]:
        return [column for column, variable in enumerate(variables) for _ in range(self._values[variable])]


def _fraction(number: float) -> Fraction:
    """A price without the solver's rounding, and never below nothing."""
    return max(Fraction(round(number * _PRECISION), _PRECISION).limit_denominator(10_000), Fraction(0))
