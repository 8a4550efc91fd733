"""The least that a GPU, a node or a request can cost at the prices of a stage (Lagrange's relaxation).

A GPU is searched over all layouts that it can have, begun at its first slice and gone on behind each instance; where
stranded slices count, layout by layout.

Boundary: one stage's numbers; what follows from them is `proofs`'.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache

from gpucarve.layout.fitting.answers import Answer
from gpucarve.layout.fitting.boards import Board
from gpucarve.layout.fitting.demand import Demand, Objective, Workload
from gpucarve.layout.fitting.supply import Gpu, Grain, Node, Standing, Supply
from gpucarve.layout.judging.cards import of_endings
from gpucarve.layout.judging.nodes import workload
from gpucarve.layout.judging.values import stranded
from gpucarve.model.mig import Placement

_NOTHING = Fraction(0)
_IMPOSSIBLE = Fraction(10**9)  # dearer than any fleet


@dataclass(frozen=True, slots=True)
class _Option:
    """An instance that may be there at a net cost; `must` says that it is."""

    placement: Placement
    profile: str
    weight: int
    ending: str
    cost: Fraction
    must: bool


@dataclass(slots=True)
class Prices:
    """The numbers of one stage: what one of a kind and tenant is worth, what one of each objective weighs."""

    demand: Demand
    supply: Supply
    worth: Mapping[tuple[str, str], Fraction]
    weights: Mapping[Objective | None, Fraction]
    _known: dict[object, Fraction] = field(default_factory=dict, init=False)

    @classmethod
    def of(cls, demand: Demand, supply: Supply, answer: Answer, number: int) -> Prices:
        """Those of a stage of an answer."""
        stage, before = answer.stages[number], answer.stages[:number]
        weights = {each.objective: price for each, price in zip(before, stage.earlier, strict=True)}
        weights[stage.objective] = Fraction(1)
        return cls(demand, supply, dict(zip(answer.kinds, stage.prices, strict=True)), weights)

    def _weight(self, objective: Objective | None) -> Fraction:
        return self.weights.get(objective, _NOTHING)

    def binds(self, node: Node) -> bool:
        """Whether it matters here that GPUs are of one such node."""
        drained = bool(self._weight(Objective.FEWEST_DRAINED_NODES))
        return node.workload is None or node.grain is Grain.NODE or self.demand.isolate_nodes or drained

    def requests(self) -> Fraction:
        """Each request at the lowest price at which it can be served, or left unmet where that has a price."""
        total = _NOTHING
        for request, serving in zip(self.demand.requests, self.supply.serving, strict=True):
            offers = [(self.worth[kind, request.tenant], worth) for kind, worth in serving]
            if None in self.weights:
                offers.append((self.weights[None], 1))
            if offers:
                total += _cover(request.total, tuple(sorted(offers, key=lambda each: each[0] / each[1])))
        return total

    def node(self, gpus: Sequence[Gpu], node: Node) -> Fraction:
        """A node in its best mode: one workload, one tenant if nodes are kept apart, drained or calm."""
        owners = [each.tenant for each in self.demand.requests]
        owners += [each.tenant for gpu in gpus for each in gpu.standing]
        tenants: set[str | None] = {*owners} if self.demand.isolate_nodes else {None}
        drained = self._weight(Objective.FEWEST_DRAINED_NODES) * any(each.standing for each in gpus)
        stays = node.grain is Grain.NODE and any(each.stays for gpu in gpus for each in gpu.standing)
        ways: list[Fraction] = []
        for one in Workload:
            for tenant in tenants:
                calm = (self.gpu(each.board, each.standing, node, one, tenant, calm=True) for each in gpus)
                free = (self.gpu(each.board, each.standing, node, one, tenant, calm=stays) for each in gpus)
                ways += [sum(calm, _NOTHING), sum(free, drained)]
        return min(ways)

    def gpu(
        self,
        board: str,
        standing: tuple[Standing, ...],
        node: Node,
        only: Workload | None = None,
        tenant: str | None = None,
        *,
        calm: bool = False,
    ) -> Fraction:
        """The best that one GPU can become. `calm`: nothing of what stands may move."""
        key = (board, standing, node, only, tenant, calm)
        if key not in self._known:
            allowed = [each for each in Workload if only in (None, each) and node.workload in (None, each)]
            names = {name for _, name in self.worth if tenant in (None, name)}
            one = _One(self, self.supply.boards[board], standing, node, allowed, names, tenant, calm)
            self._known[key] = min(one.layouts(), default=_IMPOSSIBLE)
        return self._known[key]


@dataclass(slots=True)
class _One:
    """One GPU, what it may serve, and whether it has to be left calm."""

    prices: Prices
    board: Board
    standing: tuple[Standing, ...]
    node: Node
    workloads: Sequence[Workload]
    tenants: set[str]
    tenant: str | None
    calm: bool

    def layouts(self) -> Iterator[Fraction]:
        """The net cost of what it may become: at least one, among them the lowest."""
        moved = self._weight(Objective.FEWEST_MOVES) * sum(each.number for each in self.standing)
        by_node = self.node.grain is Grain.NODE
        if self._may_stay():
            yield self._as_it_is() + (moved if by_node and not self.calm else 0)
        stays = any(each.stays for each in self.standing)
        whole = self.node.grain is not Grain.INSTANCE
        if self.node.closed or (self.calm and by_node) or (whole and (stays or (self.calm and self.standing))):
            return
        if not stays and not (self.calm and self.standing):
            yield moved
            yield from self._blocks(moved)
        if any(each.placement is None for each in self.standing if each.stays or self.calm):
            return
        used = self._weight(Objective.FEWEST_GPUS)
        for wanted in self.workloads:
            for tenant in self.tenants:
                kept = () if whole else tuple(self._kept(wanted, tenant))
                if not whole and any(each.must for each in self._kept(None, None) if each not in kept):
                    continue
                options = [*self._made(wanted, tenant), *kept]
                options.sort(key=lambda each: (each.placement, each.profile, each.cost))
                for each in self._every(options) if self._weight(Objective.LEAST_STRANDED) else self._least(options):
                    yield each + moved + used

    def _weight(self, objective: Objective) -> Fraction:
        return self.prices.weights.get(objective, _NOTHING)

    def _worth(self, each: Standing) -> Fraction:
        room = max((part.number for part in self.board.parts if part.kind == each.kind), default=1)
        return self.prices.worth.get((each.kind, each.tenant), _NOTHING) * max(room, each.number)

    def _as_it_is(self) -> Fraction:
        waste = self._weight(Objective.LEAST_STRANDED)
        spots = [(each.profile, each.placement) for each in self.standing]
        held = sum((self._worth(each) for each in self.standing), _NOTHING)
        lost = waste * stranded(self.board, spots) if waste else _NOTHING
        return self._weight(Objective.FEWEST_GPUS) * bool(self.standing) - held + lost

    def _blocks(self, moved: Fraction) -> Iterator[Fraction]:
        for block in self.board.blocks:
            for tenant in self.tenants:
                worth = self.prices.worth.get((block.kind, tenant))
                if block.workload in self.workloads and worth is not None:
                    yield self._weight(Objective.FEWEST_GPUS) + moved - worth * block.number

    def _made(self, wanted: Workload, tenant: str) -> Iterator[_Option]:
        for piece in self.board.pieces:
            worth = self.prices.worth.get((piece.kind, tenant))
            if piece.workload is wanted and worth is not None:
                for place in piece.placements:
                    cost = -worth * piece.number
                    yield _Option(place, piece.profile, piece.weight, piece.ending, cost, must=False)

    def _may_stay(self) -> bool:
        """Whether what stands may go on: it serves whom the node serves, or nobody may touch it."""
        if self.node.closed:
            return True
        if self.tenant is not None and any(each.tenant != self.tenant for each in self.standing):
            return False
        if self.node.workload is not None and any(each.stays for each in self.standing):
            return True
        serves = {workload(self.board, each.kind) for each in self.standing} - {None}
        return serves <= set(self.workloads)

    def _kept(self, wanted: Workload | None, tenant: str | None) -> Iterator[_Option]:
        """What may be kept beside instances for a workload and a tenant; None is any."""
        move = self._weight(Objective.FEWEST_MOVES)
        for each in self.standing:
            serves = workload(self.board, each.kind)
            if tenant not in (None, each.tenant) or (wanted is not None and serves not in (None, wanted)):
                continue
            known = next((one for one in self.board.room if one.profile == each.profile), None)
            weight, ending = (known.weight, known.ending) if known else (0, "")
            if each.placement is not None:
                cost = -self._worth(each) - move * each.number
                yield _Option(each.placement, each.profile, weight, ending, cost, each.stays or self.calm)

    def _least(self, options: Sequence[_Option]) -> Iterator[Fraction]:
        """The lowest cost of all ways to take options of which none overlaps another, if there is any."""

        @cache
        def least(first: int, slot: int, left: int, endings: tuple[str, ...]) -> Fraction | None:
            if first == len(options):
                return _NOTHING
            here = options[first]
            without = None if here.must else least(first + 1, slot, left, endings)
            more = _with(endings, here.ending)
            if here.placement.start < slot or here.weight > left or any(of_endings(self.board, Counter(more))):
                return without
            rest = least(first + 1, here.placement.end, left - here.weight, more)
            taken = None if rest is None else rest + here.cost
            return taken if without is None or (taken is not None and taken < without) else without

        found = least(0, 0, self.board.capacity, ())
        if found is not None:
            yield found

    def _every(self, options: Sequence[_Option]) -> Iterator[Fraction]:
        """The cost of each way, with what it strands."""
        waste = self._weight(Objective.LEAST_STRANDED)

        def ways(first: int, taken: tuple[_Option, ...]) -> Iterator[Fraction]:
            if first == len(options):
                lost = stranded(self.board, [(each.profile, each.placement) for each in taken])
                yield sum((each.cost for each in taken), waste * lost)
                return
            here = options[first]
            if not here.must:
                yield from ways(first + 1, taken)
            apart = all(each.placement.end <= here.placement.start for each in taken[-1:])
            weight = here.weight + sum(each.weight for each in taken)
            endings = Counter((*(each.ending for each in taken), here.ending))
            if apart and weight <= self.board.capacity and not any(of_endings(self.board, endings)):
                yield from ways(first + 1, (*taken, here))

        return ways(0, ())


def _with(endings: tuple[str, ...], ending: str) -> tuple[str, ...]:
    """Up to two of each ending: more make no difference."""
    return endings if endings.count(ending) > 1 else tuple(sorted((*endings, ending)))


def _cover(need: int, offers: tuple[tuple[Fraction, int], ...]) -> Fraction:
    """The least that whole numbers of the offers (price, worth) cost which are worth the need together."""
    if all(worth == 1 for _, worth in offers):
        return need * offers[0][0]

    @cache
    def least(first: int, need: int) -> Fraction:
        price, worth = offers[first]
        most = -(-need // worth)
        if first == len(offers) - 1 or not most:
            return price * most
        return min(price * number + least(first + 1, max(need - number * worth, 0)) for number in range(most + 1))

    return least(0, need)
