"""The columns of the model: everything that one GPU may become, each as a whole layout of it.

From what stands, some is kept and the rest of the card is filled: the first as the node's grain allows, the second with
instances of one workload and one tenant. A column that another one beats in everything that counts is left out, so
layouts are as full as can be, unless stranded slices count.

Boundary: one GPU at a time; how many GPUs are alike, and what a node has in common, is `models`'.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TypeAlias

from gpucarve.layout.fitting import fills
from gpucarve.layout.fitting.boards import Board, Piece
from gpucarve.layout.fitting.demand import Workload
from gpucarve.layout.fitting.fills import Spot, mask_of
from gpucarve.layout.fitting.supply import Gpu, Grain, Node, Standing

Kind: TypeAlias = tuple[str, str]  # what is interchangeable, and for which tenant
Effect: TypeAlias = tuple[int, int, int, tuple[int, ...], str, str]
SHARES = 840  # parts of a GPU in which stranded slices are counted: every card's number of compute slices divides it


@dataclass(frozen=True, slots=True)
class Column:
    """One thing that a GPU may become: `kept` of what stands, and what is `made` beside it.

    `yields` are amounts in the order of the model's kinds, `moves` what stands and loses its place, `stranded` the
    slices that nothing can take any more.
    """

    workload: Workload | None
    tenant: str
    kept: tuple[Standing, ...]
    made: tuple[Spot, ...]
    yields: tuple[int, ...]
    moves: int
    stranded: int = 0

    @property
    def gpus(self) -> int:
        """1 for a GPU that carries something."""
        return int(bool(self.kept or self.made))

    @property
    def effect(self) -> Effect:
        """What the model sees of it: columns of two GPUs with one effect are interchangeable."""
        workload = self.workload.value if self.workload else ""
        return self.moves, self.gpus, self.stranded, self.yields, workload, self.tenant


@dataclass(slots=True)
class Patterns:
    """Makes the columns of GPUs of one board. `kinds` is all that is asked for, in the model's order; `sparse` keeps
    layouts that are not full, which count where stranded slices do."""

    board: Board
    kinds: tuple[Kind, ...]
    sparse: bool = False
    _fillers: dict[tuple[Workload, str], fills.Filler] = field(default_factory=dict, init=False)
    _uses: dict[str, tuple[Workload, int]] = field(default_factory=dict, init=False)
    _places: dict[Kind, int] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._places = {kind: place for place, kind in enumerate(self.kinds)}
        for each in self.board.parts:
            self._uses[each.kind] = each.workload, each.number
        for tenant in dict.fromkeys(tenant for _, tenant in self.kinds):
            for workload in Workload:
                pieces = tuple(each for each in self.board.pieces if self._makes(each, workload, tenant))
                if pieces:
                    self._fillers[workload, tenant] = fills.Filler(self.board, pieces, self.sparse)

    def _makes(self, piece: Piece, workload: Workload, tenant: str) -> bool:
        return piece.workload is workload and (piece.kind, tenant) in self._places

    def columns(self, gpu: Gpu, node: Node) -> tuple[Column, ...]:
        """Every column of a GPU that no other one beats, in a fixed order."""
        found = [self._column(gpu.standing, gpu.standing, ())]
        if not node.closed:
            found += self._changed(gpu.standing, node)
        fitting = [each for each in found if each.workload is None or node.workload in (None, each.workload)]
        if not fitting or (any(each.stays for each in gpu.standing) and found[0] not in fitting):
            fitting.append(found[0])  # it serves somebody whom we do not ask: it stays as it is
        return self._unbeaten(fitting)

    def _changed(self, standing: tuple[Standing, ...], node: Node) -> Iterator[Column]:
        if standing and not any(each.stays for each in standing):
            yield self._column(standing, (), ())
        if not any(each.stays for each in standing):
            for spot, tenant in self._whole_cards():
                yield self._column(standing, (), (spot,), tenant)
        for kept in _keepable(standing, in_part=node.grain is Grain.INSTANCE and not node.uniform):
            if kept:
                yield self._column(standing, kept, ())  # what goes may leave the node free for another workload
            if any(each.placement is None for each in kept):
                continue
            used, left, endings = self._beside(kept)
            for (workload, tenant), filler in self._fillers.items():
                if any(each.tenant != tenant or self._workload(each) not in (None, workload) for each in kept):
                    continue
                for made in filler.fills(used, left, endings, by_driver=node.chosen_by_driver and bool(kept)):
                    if made:
                        yield self._column(standing, kept, made, tenant)

    def _whole_cards(self) -> Iterator[tuple[Spot, str]]:
        for kind, tenant in self.kinds:
            block = self.board.block(kind)
            if block is not None:
                for number in range(1 if self.sparse else block.number, block.number + 1):
                    yield Spot(kind, number), tenant

    def _beside(self, kept: Sequence[Standing]) -> tuple[int, int, tuple[str, ...]]:
        """Slices that are taken, compute slices that are left, and the endings that are there."""
        used = sum(mask_of(each.placement) for each in kept if each.placement is not None)
        room = [self.board.room_of(each.profile) for each in kept]
        left = self.board.capacity - sum(each.weight for each in room if each)
        endings: tuple[str, ...] = ()
        for each in room:
            endings = self.board.with_ending(endings, each.ending) if each else endings
        return used, left, endings

    def _workload(self, standing: Standing) -> Workload | None:
        """Whom something that stands serves; None where nobody asks for such a thing."""
        known = self._uses.get(standing.kind)
        return known[0] if known else None

    def _column(
        self, standing: tuple[Standing, ...], kept: tuple[Standing, ...], made: tuple[Spot, ...], tenant: str = ""
    ) -> Column:
        yields = [0] * len(self.kinds)
        workload = None
        for each in kept:
            place = self._places.get((each.kind, each.tenant))
            if place is not None:
                yields[place] += max(self._uses.get(each.kind, (None, 1))[1], each.number)
            workload, tenant = workload or self._workload(each), each.tenant
        for spot in made:
            yields[self._places[spot.kind, tenant]] += spot.number
            workload = workload or self._uses[spot.kind][0]
        moves = sum(each.number for each in standing) - sum(each.number for each in kept)
        stranded = self._stranded(kept, made) if self.sparse else 0
        return Column(workload, tenant, kept, made, tuple(yields), moves, stranded)

    def _stranded(self, kept: Sequence[Standing], made: Sequence[Spot]) -> int:
        """Compute slices that are free, and that no instance can take any more, in parts of a GPU."""
        stands = [(each.profile, each.placement) for each in kept] + [(each.profile, each.placement) for each in made]
        placements = [placement for _, placement in stands]
        if not placements or None in placements or not self.board.capacity:
            return 0
        room = [self.board.room_of(profile) for profile, _ in stands]
        free = self.board.capacity - sum(each.weight for each in room if each)
        used = sum(mask_of(each) for each in placements if each is not None)
        return (free - fills.most_weight(self.board, used, free)) * SHARES // self.board.capacity

    def _unbeaten(self, found: Sequence[Column]) -> tuple[Column, ...]:
        """The columns that are not beaten by another one of the same workload and tenant."""
        cheapest: dict[tuple[object, ...], Column] = {}
        for each in found:
            key = each.effect[1:]
            if key not in cheapest or each.moves < cheapest[key].moves:
                cheapest[key] = each
        kept: list[Column] = []
        for column in sorted(cheapest.values(), key=lambda each: (each.moves, -sum(each.yields), each.gpus)):
            if not any(_beats(other, column, self.sparse) for other in kept):
                kept.append(column)
        return tuple(sorted(kept, key=lambda each: each.effect))


def _keepable(standing: tuple[Standing, ...], *, in_part: bool) -> Iterator[tuple[Standing, ...]]:
    """What of it can stay while the rest of the GPU changes, the most first."""
    staying = tuple(each for each in standing if each.stays)
    free = tuple(each for each in standing if not each.stays)
    if not in_part:
        if not staying:
            yield ()
        return
    for number in range(len(free), -1, -1):
        for some in combinations(free, number):
            yield (*staying, *some)


def _beats(one: Column, other: Column, sparse: bool) -> bool:
    """Whether nothing speaks for the other. Columns come in order of moves, so one's are no more."""
    if one.gpus > other.gpus:
        return False
    if one.gpus and (one.workload, one.tenant) != (other.workload, other.tenant):
        return False
    if sparse:
        return one.yields == other.yields and one.stranded <= other.stranded
    return all(map(int.__ge__, one.yields, other.yields))
