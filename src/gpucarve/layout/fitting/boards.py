"""What a card can carry of a demand: instances with their places, and uses that take the whole card.

Each is filed under a kind, a word for what is interchangeable: the MIG instances of a profile, the time-sliced vGPUs of
one framebuffer size (their series may differ, rule T1), the MIG-backed ones of a size in a profile. A request is served
by any of its kinds.

Boundary: the catalog's answers as the numbers that the search needs; knows no GPU of a fleet. Sources: those of
`layout.geometry` and `layout.vgpus`, whose rules these are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from gpucarve.catalog import Catalog, GpuModel, MigProfile, VgpuMode, VgpuType, mig_rules
from gpucarve.layout.fitting.demand import Asked, Mig, Passthrough, Request, Service, Sized, Vgpu, Whole, Workload
from gpucarve.model.mig import MigAttribute, MigProfileName, Placement

WHOLE = "whole"
PASSTHROUGH = "passthrough"
_BESIDE_ALL_MEDIA = frozenset({MigAttribute.ALL_MEDIA.value, MigAttribute.NO_MEDIA.value})


@dataclass(frozen=True, slots=True)
class Piece:
    """One sort of GPU instance: `number` of `kind` stand in one. `weight` is in compute slices.

    Two pieces can be instances of one profile: for containers, and for vGPUs of different sizes.
    """

    kind: str
    number: int
    profile: str
    placements: tuple[Placement, ...]
    weight: int
    ending: str
    workload: Workload


@dataclass(frozen=True, slots=True)
class Block:
    """One use of the whole card: `number` of `kind`."""

    kind: str
    number: int
    workload: Workload


@dataclass(frozen=True, slots=True)
class Board:
    """A card as the search sees it. `most` is how many instances of an ending it may hold; `room` are all its profiles,
    asked for or not, by which stranded slices are told."""

    name: str
    slices: int = 0
    capacity: int = 0
    pieces: tuple[Piece, ...] = ()
    blocks: tuple[Block, ...] = ()
    most: Mapping[str, int] = field(default_factory=dict, hash=False)
    room: tuple[Piece, ...] = ()

    @property
    def parts(self) -> tuple[Piece | Block, ...]:
        """Everything that it can carry."""
        return (*self.pieces, *self.blocks)

    def block(self, kind: str) -> Block | None:
        """The whole-card use of this kind."""
        return next((each for each in self.blocks if each.kind == kind), None)

    def room_of(self, profile: str) -> Piece | None:
        """A profile of the card; None for a name that it does not have."""
        return next((each for each in self.room if each.profile == profile), None)

    def with_ending(self, endings: tuple[str, ...], ending: str) -> tuple[str, ...]:
        """The endings of a card's instances as far as they matter, with one more."""
        if ending in endings and ending not in self.most:
            return endings
        return tuple(sorted((*endings, ending)))

    def allows(self, endings: tuple[str, ...]) -> bool:
        """Whether instances with these endings may stand side by side (rule M7)."""
        if any(endings.count(ending) > most for ending, most in self.most.items()):
            return False
        return MigAttribute.ALL_MEDIA.value not in endings or _BESIDE_ALL_MEDIA.issuperset(endings)


def board(model: GpuModel, requests: Iterable[Request], catalog: Catalog) -> Board:
    """The card of a model, with what it can carry of these requests."""
    asked = list(dict.fromkeys(each.asked for each in requests))
    pieces: dict[str, Piece] = {}
    blocks: dict[str, Block] = {}
    for each in asked:
        for found in _carried(model, each, catalog):
            if isinstance(found, Piece):
                pieces[found.kind] = found
            else:
                blocks[found.kind] = found
    table = catalog.mig_table(model.id)
    return Board(
        model.id,
        (table.memory_slices or 0) if table else 0,
        (table.compute_slices or 0) if table else 0,
        tuple(sorted(pieces.values(), key=_order)),
        tuple(sorted(blocks.values(), key=lambda block: block.kind)),
        {rule.attribute.value: rule.max_per_gpu for rule in mig_rules.attributes() if rule.max_per_gpu is not None},
        tuple(_piece(each, Workload.CONTAINER) for each in catalog.mig_profiles(model.id) if _placeable(each)),
    )


def serving(model: GpuModel, asked: Asked, catalog: Catalog) -> tuple[tuple[str, int], ...]:
    """The kinds of this card that serve a request, each with what one is worth to it."""
    if isinstance(asked, Service):
        worth = ((catalog.mig_profile(model.id, name), number) for name, number in asked.worth)
        return tuple((f"mig {profile.name}", number) for profile, number in worth if profile and _placeable(profile))
    return tuple(dict.fromkeys((each.kind, 1) for each in _carried(model, asked, catalog)))


def type_for(model: GpuModel, asked: Asked, kind: str, catalog: Catalog) -> VgpuType | None:
    """The vGPU type that a request gets on such a card where it is served by `kind`."""
    return next((each for each in _types(model, asked, catalog) if kind in _kinds_of_type(each, model, catalog)), None)


def _order(piece: Piece) -> tuple[int, int, str]:
    return (-max(each.size for each in piece.placements), -piece.weight, piece.kind)


def _carried(model: GpuModel, asked: Asked, catalog: Catalog) -> Iterator[Piece | Block]:
    match asked:
        case Whole():
            yield Block(WHOLE, 1, Workload.CONTAINER)
        case Passthrough():
            yield Block(PASSTHROUGH, 1, Workload.VM_PASSTHROUGH)
        case Mig(name):
            yield from _instances(model, (name,), catalog)
        case Service(worth=worth):
            yield from _instances(model, (name for name, _ in worth), catalog)
        case Vgpu() | Sized():
            for each in _types(model, asked, catalog):
                yield from _of_type(each, model, catalog)


def _instances(model: GpuModel, names: Iterable[MigProfileName], catalog: Catalog) -> Iterator[Piece]:
    for name in names:
        found = catalog.mig_profile(model.id, name) if name.compute is None else None
        if found is not None and _placeable(found):
            yield _piece(found, Workload.CONTAINER)


def _placeable(profile: MigProfile) -> bool:
    return bool(profile.placements and profile.compute_slices and profile.profile_id is not None)


def _piece(profile: MigProfile, workload: Workload, kind: str = "", number: int = 1) -> Piece:
    return Piece(
        kind or f"mig {profile.name}",
        number,
        str(profile.name),
        profile.placements,
        profile.compute_slices or 0,
        profile.name.attribute.value,
        workload,
    )


def _types(model: GpuModel, asked: Asked, catalog: Catalog) -> list[VgpuType]:
    offered = [each for board in model.boards for each in catalog.vgpu_types(board)]
    match asked:
        case Vgpu(name):
            known = catalog.vgpu_type(name)
            return [each for each in offered if known is not None and each.name == known.name]
        case Sized(mib, series):
            return [each for each in offered if (each.framebuffer_mib, each.name.series) == (mib, series)]
        case _:
            return []


def _of_type(known: VgpuType, model: GpuModel, catalog: Catalog) -> Iterator[Piece | Block]:
    if known.mode is VgpuMode.TIME_SLICED:
        most = known.max_per_gpu
        yield Block(f"{known.board} {known.framebuffer_mib} MiB x{most}", most, Workload.VM_VGPU)
        return
    profile = catalog.mig_profile(model.id, known.gi_profile) if known.gi_profile else None
    if profile is not None and _placeable(profile) and known.max_per_gi:
        kind = f"{known.board} {known.framebuffer_mib} MiB in {profile.name}"
        yield _piece(profile, Workload.VM_VGPU, kind, known.max_per_gi)


def _kinds_of_type(known: VgpuType, model: GpuModel, catalog: Catalog) -> tuple[str, ...]:
    return tuple(each.kind for each in _of_type(known, model, catalog))
