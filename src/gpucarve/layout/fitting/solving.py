"""From a demand and a supply to the answer: model, search, proof, and each GPU's cut.

Boundary: joins the parts. Which search is used is told, or is HiGHS where it is installed.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from gpucarve.layout.fitting import certificates, exact, mip, models, serving
from gpucarve.layout.fitting.answers import Answer, GpuCut, Item
from gpucarve.layout.fitting.demand import Demand
from gpucarve.layout.fitting.models import Group, Model, Pick
from gpucarve.layout.fitting.patterns import Column
from gpucarve.layout.fitting.solutions import Solution
from gpucarve.layout.fitting.supply import Gpu, Node, Supply

_EFFORT_A_SECOND = 400_000  # sums that the search without a solver looks at
TIME_LIMIT = 60.0


class Solver(Enum):
    """How the model is searched."""

    HIGHS = "HiGHS"
    OWN = "own search"


class NoSolver(Exception):
    """Raised for a demand that only the extra's solver can search, where it is not installed."""


def fit(demand: Demand, supply: Supply, time_limit: float = TIME_LIMIT, solver: Solver | None = None) -> Answer:
    """The best cut for the demand, or as much of it as can be served, with what is proved. Raises NoSolver."""
    model = models.build(demand, supply)
    solver = solver or (Solver.HIGHS if mip.available() else Solver.OWN)
    solution = mip.solve(model, time_limit) if solver is Solver.HIGHS else None
    if solution is None:
        if not serving.plain(model.rows):
            raise NoSolver("requests that instances serve by throughput need the extra `fit`, and time to search")
        solution = exact.solve(model, int(time_limit * _EFFORT_A_SECOND))
    stages = certificates.prove(model, solution.stages)
    gpus = _Layout(supply, model, solution).gpus()
    return Answer(gpus, solution.unmet, model.kinds, stages, solver.value)


@dataclass(slots=True)
class _Holder:
    """Something that holds so many of its kind: what stands before what is made, so that the rest is not made."""

    gpu: int
    column: Column
    number: int
    item: Item


class _Layout:
    """Gives each GPU its column, and each request its share of what there is."""

    def __init__(self, supply: Supply, model: Model, solution: Solution) -> None:
        self._supply, self._model = supply, model
        place = {id(gpu): number for number, gpu in enumerate(supply.gpus)}
        self._columns: dict[int, Column] = {}
        for gpu, column in _chosen(model, solution):
            self._columns[place[id(gpu)]] = column
        self._given: defaultdict[int, deque[list[int]]] = defaultdict(deque)
        for (row, kind), amount in sorted(solution.served.items()):
            if amount:
                self._given[kind].append([row, amount])

    def gpus(self) -> tuple[GpuCut, ...]:
        """Every GPU, in the supply's order."""
        items: defaultdict[int, list[Item]] = defaultdict(list)
        holders = sorted(self._holders(), key=lambda each: (not each.item.stands, each.gpu))
        for each in holders:
            serves = self._take((each.item.kind, each.item.tenant), each.number)
            alike = self._supply.nodes.get(self._supply.gpus[each.gpu].node, Node()).uniform
            if serves or each.item.stands or alike:
                kept = Item(
                    each.item.kind, each.item.tenant, each.item.profile, each.item.placement, serves, each.item.stands
                )
                items[each.gpu].append(kept)
        return tuple(
            GpuCut(gpu.name, tuple(sorted(items[number], key=_in_place)), self._columns[number].moves)
            for number, gpu in enumerate(self._supply.gpus)
        )

    def _holders(self) -> Iterator[_Holder]:
        for number, column in sorted(self._columns.items()):
            board = self._supply.boards[self._supply.gpus[number].board]
            rooms = {part.kind: part.number for part in board.parts}
            for each in sorted(column.kept, key=lambda standing: not standing.stays):
                room = max(each.number, rooms.get(each.kind, 1))
                item = Item(each.kind, each.tenant, each.profile, each.placement, (), stands=True)
                yield _Holder(number, column, room, item)
            for spot in column.made:
                item = Item(spot.kind, column.tenant, spot.profile, spot.placement, (), stands=False)
                yield _Holder(number, column, spot.number, item)

    def _take(self, kind: tuple[str, str], room: int) -> tuple[tuple[int, int], ...]:
        if kind not in self._model.kinds:
            return ()
        queue = self._given[self._model.kinds.index(kind)]
        taken: list[tuple[int, int]] = []
        while queue and room:
            row, amount = queue[0]
            some = min(amount, room)
            taken.append((row, some))
            room -= some
            queue[0][1] -= some
            if not queue[0][1]:
                queue.popleft()
        return tuple(taken)


def _in_place(item: Item) -> tuple[int, str]:
    return (item.placement.start if item.placement else 0, item.profile)


def _unused_last(group: Group, pick: Pick) -> tuple[bool, int]:
    (column,) = pick.columns
    return not group.modes[0].bags[0][column].gpus, column


def _chosen(model: Model, solution: Solution) -> Iterator[tuple[Gpu, Column]]:
    """Each GPU with its own column: the members of a group have the same effects and different layouts."""
    for group, picks in zip(model.groups, solution.picks, strict=True):
        single = group.size == 1 and len(group.modes) == 1
        ordered = sorted(picks, key=lambda pick: _unused_last(group, pick)) if single else picks
        for member, pick in zip(group.members, ordered, strict=True):
            bags = member.modes[pick.mode].bags
            for gpu, bag, column in zip(member.gpus, bags, pick.columns, strict=True):
                yield gpu, bag[column]
