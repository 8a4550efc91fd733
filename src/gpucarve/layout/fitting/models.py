"""The model of a fit: which columns how many GPUs may take, what they have to yield together, what counts.

GPUs on which the same columns have the same effects are one class: a fleet of a hundred thousand has some hundreds. A
node with rules for all its GPUs is taken whole, in one of its modes: serving one workload (rule K1), left calm or
drained, cut alike.

Boundary: builds the model and knows what is in it; solving is `exact`'s and `mip`'s.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from gpucarve.layout.fitting.demand import Demand, Objective, Workload
from gpucarve.layout.fitting.patterns import Column, Kind, Patterns
from gpucarve.layout.fitting.supply import Gpu, Grain, Node, Supply

Bag: TypeAlias = tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One request: how much is needed, and the kinds (by their place among the model's) that serve it, with worth."""

    request: int
    need: int
    options: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Mode:
    """One way to treat a whole node: the columns that each of its GPUs may take, and whether it is drained."""

    bags: tuple[Bag, ...]
    drained: int = 0


@dataclass(frozen=True, slots=True)
class Member:
    """One node, or one GPU without a node's rules, with its own modes: the effects are those of its group's."""

    gpus: tuple[Gpu, ...]
    modes: tuple[Mode, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Nodes that are alike; `modes` are the first member's."""

    members: tuple[Member, ...]

    @property
    def modes(self) -> tuple[Mode, ...]:
        """The modes, as the model sees them."""
        return self.members[0].modes

    @property
    def size(self) -> int:
        """GPUs of one member."""
        return len(self.members[0].gpus)


@dataclass(frozen=True, slots=True)
class Model:
    """`most_gpus` GPUs may be used at most, None for all. `limits` is how much of each kind there may be, None where
    more does no harm: what nobody needs is not made in the end, and would hide stranded slices. `uniform`: GPUs of some
    node are to be cut alike."""

    kinds: tuple[Kind, ...]
    rows: tuple[Row, ...]
    groups: tuple[Group, ...]
    objectives: tuple[Objective, ...]
    most_gpus: int | None
    limits: tuple[int, ...] | None = None
    uniform: bool = False


@dataclass(frozen=True, slots=True)
class Pick:
    """What one member becomes: the number of its mode, and of each GPU's column in it."""

    mode: int
    columns: tuple[int, ...]


def cost(objective: Objective, column: Column) -> int:
    """What a column adds to an objective; a drained node adds through its mode."""
    match objective:
        case Objective.FEWEST_GPUS:
            return column.gpus
        case Objective.FEWEST_MOVES:
            return column.moves
        case Objective.LEAST_STRANDED:
            return column.stranded
        case Objective.FEWEST_DRAINED_NODES:
            return 0


def mode_cost(objective: Objective, mode: Mode) -> int:
    """What a node's mode adds to an objective."""
    return mode.drained if objective is Objective.FEWEST_DRAINED_NODES else 0


def build(demand: Demand, supply: Supply) -> Model:
    """The model of a demand on a supply."""
    kinds = tuple(
        sorted(
            {
                (kind, request.tenant)
                for request, serving in zip(demand.requests, supply.serving, strict=True)
                for kind, _ in serving
            }
        )
    )
    places = {kind: place for place, kind in enumerate(kinds)}
    rows = tuple(
        Row(number, request.total, tuple((places[kind, request.tenant], worth) for kind, worth in serving))
        for number, (request, serving) in enumerate(zip(demand.requests, supply.serving, strict=True))
    )
    groups = tuple(_Grouping(demand, supply, kinds).groups())
    most = max(len(supply.gpus) - demand.spare_gpus, _in_use_anyway(groups)) if demand.spare_gpus else None
    limits = _limits(rows, kinds, supply) if Objective.LEAST_STRANDED in demand.objectives else None
    uniform = any(each.uniform for each in supply.nodes.values())
    return Model(kinds, rows, groups, demand.objectives, most, limits, uniform)


def _in_use_anyway(groups: Sequence[Group]) -> int:
    """GPUs that cannot be emptied."""
    return sum(
        len(group.members) * min(sum(min(each.gpus for each in bag) for bag in mode.bags) for mode in group.modes)
        for group in groups
    )


def _limits(rows: Sequence[Row], kinds: Sequence[Kind], supply: Supply) -> tuple[int, ...]:
    """What is needed of each kind, in whole instances; or what stands of it, where that is more."""
    found = []
    for place, (kind, tenant) in enumerate(kinds):
        need = sum(-(-row.need // worth) for row in rows for option, worth in row.options if option == place)
        parts = [part.number for board in supply.boards.values() for part in board.pieces if part.kind == kind]
        stands = [each for gpu in supply.gpus for each in gpu.standing if (each.kind, each.tenant) == (kind, tenant)]
        room = sum(max(each.number, *parts) if parts else each.number for each in stands)
        found.append(max(need + max(parts, default=1) - 1, room))
    return tuple(found)


class _Grouping:
    """Sorts the GPUs of a supply into groups of members that are alike."""

    def __init__(self, demand: Demand, supply: Supply, kinds: tuple[Kind, ...]) -> None:
        self._demand, self._supply, self._kinds = demand, supply, kinds
        self._sparse = Objective.LEAST_STRANDED in demand.objectives
        self._patterns = {name: Patterns(each, kinds, self._sparse) for name, each in supply.boards.items()}
        self._known: dict[object, Bag] = {}
        workloads = {each.workload for board in supply.boards.values() for each in board.parts}
        tenants = {each.tenant for each in demand.requests}
        tenants |= {each.tenant for gpu in supply.gpus for each in gpu.standing}
        self._workloads = sorted(workloads or Workload, key=lambda each: each.value)
        self._tenants = sorted(tenants)

    def groups(self) -> Iterator[Group]:
        """Every group, in the order of its first GPU."""
        alike: dict[object, list[Member]] = defaultdict(list)
        by_node: dict[str, list[Gpu]] = defaultdict(list)
        whole: dict[Node, bool] = {}
        for gpu in self._supply.gpus:
            node = self._supply.nodes.get(gpu.node, Node())
            if node not in whole:
                whole[node] = self._as_a_whole(node)
            if gpu.node and whole[node]:
                by_node[gpu.node].append(gpu)
                continue
            bag = self._bag(gpu, node)
            alike[tuple(each.effect for each in bag)].append(Member((gpu,), (Mode((bag,)),)))
        for name, gpus in by_node.items():
            ordered = tuple(sorted(gpus, key=lambda gpu: (gpu.board, gpu.standing, gpu.name)))
            modes = tuple(self._modes(ordered, self._supply.nodes.get(name, Node())))
            key = tuple((each.drained, tuple(tuple(c.effect for c in bag) for bag in each.bags)) for each in modes)
            alike["node", key].append(Member(ordered, modes))
        for members in alike.values():
            yield Group(tuple(members))

    def _as_a_whole(self, node: Node) -> bool:
        """Whether what one GPU of the node becomes bears on the others."""
        if node.closed:
            return False
        several = node.workload is None and len(self._workloads) > 1
        apart = self._demand.isolate_nodes and len(self._tenants) > 1
        counted = Objective.FEWEST_DRAINED_NODES in self._demand.objectives
        return several or apart or counted or node.uniform or node.grain is Grain.NODE

    def _bag(self, gpu: Gpu, node: Node) -> Bag:
        key = (gpu.board, gpu.standing, node)
        if key not in self._known:
            self._known[key] = self._patterns[gpu.board].columns(gpu, node)
        return self._known[key]

    def _modes(self, gpus: Sequence[Gpu], node: Node) -> Iterator[Mode]:
        bags = [self._bag(gpu, node) for gpu in gpus]
        calm = tuple(tuple(each for each in bag if not each.moves) for bag in bags)
        if node.grain is Grain.NODE or node.uniform:
            calm = tuple((_as_it_is(gpu, bag),) for gpu, bag in zip(gpus, bags, strict=True))
        changed = self._changed(gpus, bags, node)
        runs = int(any(gpu.standing for gpu in gpus))
        for fits in self._one_for_all():
            yield from _mode(calm, fits, 0)
            for each in changed:
                yield from _mode(each, fits, runs)

    def _changed(self, gpus: Sequence[Gpu], bags: Sequence[Bag], node: Node) -> list[tuple[Bag, ...]]:
        """The columns of each GPU where the node is touched; one list for each way to cut all alike."""
        if not node.uniform and node.grain is not Grain.NODE:
            return [tuple(bags)] if any(each.moves for bag in bags for each in bag) else []
        if any(each.stays for gpu in gpus for each in gpu.standing):
            return []
        made = tuple(
            tuple(_rebuilt(gpu, each) for each in bag if not each.kept) for gpu, bag in zip(gpus, bags, strict=True)
        )
        if not node.uniform:
            return [made]
        alike: dict[object, list[Column]] = defaultdict(list)
        for bag in made:
            for each in bag:
                alike[each.effect[1:]].append(each)
        return [tuple((each,) for each in found) for found in alike.values() if len(found) == len(gpus)]

    def _one_for_all(self) -> Iterator[Callable[[Column], bool]]:
        """What all GPUs of a node have to have in common, one after the other."""
        tenants = self._tenants if self._demand.isolate_nodes else (None,)
        for workload in self._workloads:
            for tenant in tenants:

                def fits(column: Column, workload: object = workload, tenant: str | None = tenant) -> bool:
                    alone = tenant is None or column.tenant == tenant
                    return not column.gpus or (column.workload in (None, workload) and alone)

                yield fits


def _mode(bags: Sequence[Bag], fits: Callable[[Column], bool], drained: int) -> Iterator[Mode]:
    """The mode with the columns that fit, if each GPU has one."""
    fitting = tuple(tuple(each for each in bag if fits(each)) for bag in bags)
    if all(fitting):
        yield Mode(fitting, drained)


def _as_it_is(gpu: Gpu, bag: Bag) -> Column:
    return next(each for each in bag if each.kept == gpu.standing and not each.made)


def _rebuilt(gpu: Gpu, column: Column) -> Column:
    """The column where everything that stands on the GPU gives way."""
    return replace(column, moves=sum(each.number for each in gpu.standing))
