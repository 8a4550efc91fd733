"""The amounts of a cut: lines of `mig` and `vgpu`, and whether some card can hold the instances they ask for.

Boundary: counting alone. A table's compute and memory slices are compared with the sums; where instances would lie,
and what overlaps what, is layout's. Source: NVIDIA MIG user guide (slices and the most of each profile).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from gpucarve import catalog
from gpucarve.catalog import GpuModel, MigProfile, MigTable
from gpucarve.catalog.lookups import mig_profiles_of
from gpucarve.model.mig import MigProfileName
from gpucarve.spec.tree import Node, Scalar

Wanted = Sequence[tuple[MigProfileName, int]]


@dataclass(frozen=True, slots=True)
class Short:
    """A card that cannot hold what is wanted, and why; `profile` where one alone asks for too many."""

    table: MigTable
    why: str
    profile: MigProfileName | None = None


def count(node: Node) -> int | None:
    """How many are asked for; None where that is no number, which the models say."""
    value = node.value if isinstance(node, Scalar) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def tables(models: Sequence[GpuModel]) -> tuple[MigTable, ...]:
    """The cards that some models are; each once."""
    found = (catalog.load().mig_table(model.id) for model in models)
    return tuple({table.id: table for table in found if table is not None}.values())


def shortage(wanted: Wanted, candidates: Sequence[MigTable]) -> Short | None:
    """Why none of the candidates can hold them, told of the roomiest; None where one can, or none has all profiles."""
    roomiest: tuple[int, Short] | None = None
    for card in candidates:
        profiles = [(name, profile_of(card, name), number) for name, number in wanted]
        known = [(name, profile, number) for name, profile, number in profiles if profile is not None]
        if len(known) < len(profiles):
            continue
        short = _short(card, known)
        if short is None:
            return None
        room = sum(profile.max_count for _, profile, _ in known)
        if roomiest is None or room > roomiest[0]:
            roomiest = room, short
    return roomiest[1] if roomiest else None


def cards(name: MigProfileName) -> tuple[MigTable, ...]:
    """The cards that have a profile of this name; none for one that does not exist."""
    return tuple(card for card, _ in _meanings().get(name, {}).values())


def profile_of(card: MigTable, name: MigProfileName) -> MigProfile | None:
    """What a name means on a card; None where the card has no such profile."""
    found = _meanings().get(name, {}).get(card.id)
    return found[1] if found else None


@cache
def _meanings() -> Mapping[MigProfileName, Mapping[str, tuple[MigTable, MigProfile]]]:
    """Every profile by name and card: a document may name tens of thousands. A card's own name wins over an alias."""
    found: dict[MigProfileName, dict[str, tuple[MigTable, MigProfile]]] = {}
    known = [(card, profile) for card in catalog.load().mig_tables() for profile in mig_profiles_of(card.id)]
    for card, profile in known:
        found.setdefault(profile.name, {})[card.id] = card, profile
    for card, profile in known:
        for alias in profile.aliases:
            found.setdefault(alias, {}).setdefault(card.id, (card, profile))
    return found


def _short(card: MigTable, wanted: Sequence[tuple[MigProfileName, MigProfile, int]]) -> Short | None:
    for name, profile, number in wanted:
        if number > profile.max_count:
            why = f"{number} instances of {name} do not fit on one GPU; at most {profile.max_count} do"
            return Short(card, why, name)
    compute = sum((profile.compute_slices or 0) * number for _, profile, number in wanted)
    if card.compute_slices is not None and compute > card.compute_slices:
        return Short(card, f"together these take {compute} compute slices; the GPU has {card.compute_slices}")
    memory = sum((profile.memory_slices or 0) * number for _, profile, number in wanted)
    if card.memory_slices is not None and memory > card.memory_slices:
        return Short(card, f"together these take {memory} memory slices; the GPU has {card.memory_slices}")
    return None
