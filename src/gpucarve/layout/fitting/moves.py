"""What moves where, and in which order, so that no service falls below its budget while it happens.

The new place comes first and the old one goes after it (surge), wherever the new place is free. Only where each waits
for another's place does something go before it is made again; who may be short, and by how much, is the budget.

Boundary: from an answer to steps; carrying them out is the plan's. A service is one kind of one tenant.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from gpucarve.layout.fitting.answers import Answer, GpuCut, Item
from gpucarve.layout.fitting.boards import Board
from gpucarve.layout.fitting.patterns import Kind
from gpucarve.layout.fitting.supply import Gpu, Grain, Node, Standing, Supply
from gpucarve.model.mig import Placement


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """One instance, or whole-card use, on one GPU."""

    gpu: str
    placement: Placement | None
    profile: str
    kind: str
    tenant: str = ""

    def __str__(self) -> str:
        name = self.profile or self.kind
        return f"{name} on {self.gpu}" + (f" at {self.placement}" if self.placement else "")


@dataclass(frozen=True, slots=True)
class Move:
    """Something that loses its place; `to` is where it is made again, None for what nobody asks for any more."""

    what: Place
    to: Place | None


@dataclass(frozen=True, slots=True)
class Step:
    """One place made or dropped."""

    make: bool
    place: Place


@dataclass(frozen=True, slots=True)
class Order:
    """Steps in their order; `short` is by how much each service falls below what it needs, at the worst, and `over`
    the services for which that is more than their budget."""

    steps: tuple[Step, ...]
    short: Mapping[Kind, int]
    over: tuple[Kind, ...]


def moves(supply: Supply, answer: Answer) -> tuple[Move, ...]:
    """Everything that loses its place, each with one of the new places of its kind."""
    made: defaultdict[Kind, list[Place]] = defaultdict(list)
    for cut in answer.gpus:
        for item in cut.items:
            if not item.stands:
                made[item.kind, item.tenant].append(_of_item(cut, item))
    found = []
    for gpu, cut in zip(supply.gpus, answer.gpus, strict=True):
        for standing in _lost(gpu, cut):
            targets = made[standing.kind, standing.tenant]
            same = next((each for each in targets if each.gpu == gpu.name), targets[0] if targets else None)
            if same is not None:
                targets.remove(same)
            found.append(Move(_of_standing(gpu, standing), same))
    return tuple(found)


def order(supply: Supply, answer: Answer, budgets: Mapping[Kind, int] | None = None) -> Order:
    """The steps, with surge where there is room; a service without a budget of its own may not be short at all."""
    return _Ordering(supply, answer, dict(budgets or {})).run()


def _lost(gpu: Gpu, cut: GpuCut) -> Iterator[Standing]:
    kept = Counter((each.kind, each.profile, each.placement, each.tenant) for each in cut.items if each.stands)
    for each in gpu.standing:
        mark = (each.kind, each.profile, each.placement, each.tenant)
        if kept[mark]:
            kept[mark] -= 1
        else:
            yield each


def _of_item(cut: GpuCut, item: Item) -> Place:
    return Place(cut.gpu, item.placement, item.profile, item.kind, item.tenant)


def _of_standing(gpu: Gpu, each: Standing) -> Place:
    return Place(gpu.name, each.placement, each.profile, each.kind, each.tenant)


@dataclass(slots=True)
class _Ordering:
    """The state of all GPUs between two steps."""

    supply: Supply
    answer: Answer
    budgets: dict[Kind, int]
    there: dict[str, list[Place]] = field(default_factory=dict, init=False)
    making: list[Place] = field(default_factory=list, init=False)
    dropping: list[Place] = field(default_factory=list, init=False)
    live: Counter[Kind] = field(default_factory=Counter, init=False)
    needed: dict[Kind, int] = field(default_factory=dict, init=False)
    short: Counter[Kind] = field(default_factory=Counter, init=False)
    steps: list[Step] = field(default_factory=list, init=False)

    def run(self) -> Order:
        """Make what can be made, drop what may be dropped, and only then what has to be."""
        self._begin()
        while self.making or self.dropping:
            place = next((each for each in self.making if self._free(each)), None)
            if place is not None:
                self._make(place)
                continue
            spared = next((each for each in self.dropping if self._may_drop(each)), None)
            if spared is None and not self.dropping:
                break
            self._drop(spared if spared is not None else min(self.dropping, key=self._harm))
        over = (kind for kind, number in self.short.items() if number > self.budgets.get(kind, 0))
        return Order(
            tuple(self.steps), {kind: number for kind, number in self.short.items() if number}, tuple(sorted(over))
        )

    def _begin(self) -> None:
        final: Counter[Kind] = Counter()
        for gpu, cut in zip(self.supply.gpus, self.answer.gpus, strict=True):
            self.there[gpu.name] = [_of_standing(gpu, each) for each in gpu.standing]
            self.live.update((each.kind, each.tenant) for each in gpu.standing)
            self.dropping += [_of_standing(gpu, each) for each in _lost(gpu, cut)]
            self.making += [_of_item(cut, each) for each in cut.items if not each.stands]
            final.update((each.kind, each.tenant) for each in cut.items)
        self.needed = {kind: min(number, final[kind]) for kind, number in self.live.items()}
        waiting = Counter((each.kind, each.tenant) for each in self.dropping)
        self.making.sort(
            key=lambda each: (not waiting[each.kind, each.tenant], each.gpu, each.placement or Placement(0, 1))
        )

    def _free(self, place: Place) -> bool:
        gpu = next(each for each in self.supply.gpus if each.name == place.gpu)
        there = self.there[place.gpu]
        if self.supply.nodes.get(gpu.node, Node()).grain is not Grain.INSTANCE:
            return not any(each in self.dropping for each in there)
        if place.placement is None or any(each.placement is None for each in there):
            return not there
        if any(each.placement is not None and each.placement.overlaps(place.placement) for each in there):
            return False
        return _together(self.supply.boards[gpu.board], [*there, place])

    def _may_drop(self, place: Place) -> bool:
        kind = (place.kind, place.tenant)
        return self.live[kind] - 1 >= self.needed[kind] - self.budgets.get(kind, 0)

    def _harm(self, place: Place) -> tuple[int, Place]:
        kind = (place.kind, place.tenant)
        waiting = [each for each in self.making if each.gpu == place.gpu]
        return self.needed[kind] - self.live[kind] - len(waiting), place

    def _make(self, place: Place) -> None:
        self.making.remove(place)
        self.there[place.gpu].append(place)
        self.live[place.kind, place.tenant] += 1
        self.steps.append(Step(True, place))

    def _drop(self, place: Place) -> None:
        kind = (place.kind, place.tenant)
        self.dropping.remove(place)
        self.there[place.gpu].remove(place)
        self.live[kind] -= 1
        self.short[kind] = max(self.short[kind], self.needed[kind] - self.live[kind])
        self.steps.append(Step(False, place))


def _together(board: Board, places: list[Place]) -> bool:
    """Whether a card can hold these at once: slices, endings, one tenant."""
    profiles = [each for place in places if (each := board.room_of(place.profile))]
    endings: tuple[str, ...] = ()
    for each in profiles:
        endings = board.with_ending(endings, each.ending)
    one = len({each.tenant for each in places}) == 1
    return one and sum(each.weight for each in profiles) <= board.capacity and board.allows(endings)
