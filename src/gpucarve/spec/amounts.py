"""The amounts of a cut: lines of `mig` and `vgpu`, and whether some card can hold the instances they ask for.

Boundary: counting alone. A table's compute and memory slices are compared with the sums; where instances would lie,
and what overlaps what, is layout's. Source: NVIDIA MIG user guide (slices and the most of each profile).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gpucarve import catalog
from gpucarve.catalog import GpuModel, MigProfile, MigTable
from gpucarve.model.mig import MigProfileName
from gpucarve.spec.tree import Node, Scalar

Wanted = Sequence[tuple[MigProfileName, int]]


@dataclass(frozen=True, slots=True)
class Short:
    """A card that cannot hold what is wanted, and why."""

    table: MigTable
    why: str


def count(node: Node) -> int | None:
    """How many are asked for; None where that is no number, which the models say."""
    value = node.value if isinstance(node, Scalar) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def tables(models: Sequence[GpuModel]) -> tuple[MigTable, ...]:
    """The cards that some models are; each once."""
    found = (catalog.load().mig_table(model.id) for model in models)
    return tuple({table.id: table for table in found if table is not None}.values())


def shortage(wanted: Wanted, cards: Sequence[MigTable]) -> Short | None:
    """Why none of the cards that have all the profiles can hold them; None where one can or cannot be judged."""
    shorts: list[Short] = []
    for card in cards:
        known = [(profile_of(card, name), number) for name, number in wanted]
        profiles = [(profile, number) for profile, number in known if profile is not None]
        if len(profiles) < len(known):
            continue
        why = _short(card, profiles)
        if why is None:
            return None
        shorts.append(Short(card, why))
    return shorts[0] if shorts else None


def profile_of(card: MigTable, name: MigProfileName) -> MigProfile | None:
    """What a name means on a card."""
    return next((profile for table, profile in catalog.load().mig_meanings(name) if table.id == card.id), None)


def _short(card: MigTable, profiles: Sequence[tuple[MigProfile, int]]) -> str | None:
    for profile, number in profiles:
        if number > profile.max_count:
            return f"{number} instances of {profile.name} do not fit on one GPU; at most {profile.max_count} do"
    compute = sum((profile.compute_slices or 0) * number for profile, number in profiles)
    if card.compute_slices is not None and compute > card.compute_slices:
        return f"together these take {compute} compute slices; the GPU has {card.compute_slices}"
    memory = sum((profile.memory_slices or 0) * number for profile, number in profiles)
    if card.memory_slices is not None and memory > card.memory_slices:
        return f"together these take {memory} memory slices; the GPU has {card.memory_slices}"
    return None
