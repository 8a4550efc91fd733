"""The `mig` mapping of an entry against the catalog: profiles that exist, counts that a card can hold.

Boundary: names and sums. With a model as selector its own table decides; otherwise some card has to fit. Rules M4,
M7, M10: a profile's name means what its card's table says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from gpucarve import catalog
from gpucarve.catalog import GpuModel
from gpucarve.model.mig import MigProfileName
from gpucarve.spec import amounts, tree
from gpucarve.spec.problems import Problem, quoted
from gpucarve.spec.tree import Entry, Node, Path

_MOST_NAMED = 4
_FORM = "a profile's name is compute slices and memory, such as 1g.10gb; it differs from card to card"


@dataclass(frozen=True, slots=True)
class _Wish:
    """One line of a `mig` mapping whose profile exists. `count` is None where the document's is no number."""

    profile: MigProfileName
    count: int | None
    entry: Entry
    path: Path


def problems(node: Node | None, path: Path, models: Sequence[GpuModel]) -> Iterator[Problem]:
    """Everything about one `mig` mapping. `models` are the GPUs that the selector names, if it names any."""
    if models and all(model.mig is False for model in models):
        for entry, entry_path in tree.entries(node, path):
            message = f"the {models[0].name} has no MIG"
            yield Problem(entry.span, entry_path, message, "write `whole: true` for the whole GPU")
        return
    wishes: dict[MigProfileName, _Wish] = {}
    sound = True
    for entry, entry_path in tree.entries(node, path):
        name = _read(entry.key)
        if name is not None and name in wishes:
            hint = f"the first is on line {wishes[name].entry.span.line}; add them up"
            against: Problem | None = Problem(
                entry.span, entry_path, f"{quoted(entry.key)} is {name} a second time", hint
            )
        else:
            against = (
                _no_profile(entry, entry_path, models) if name is None else _foreign(name, entry, entry_path, models)
            )
        if against is not None:
            yield against
            sound = False
        elif name is not None:
            wishes[name] = _Wish(name, amounts.count(entry.value), entry, entry_path)
    if sound and wishes:
        yield from _too_much(tuple(wishes.values()), models)


def _read(text: str) -> MigProfileName | None:
    """A GPU instance's name; None for anything else."""
    try:
        name = MigProfileName.parse(text)
    except ValueError:
        return None
    return None if name.compute is not None else name


def _no_profile(entry: Entry, path: Path, models: Sequence[GpuModel]) -> Problem:
    word = entry.key
    try:
        name = MigProfileName.parse(word)
    except ValueError:
        pass
    else:
        message = f"{quoted(word)} is a compute instance, which cannot be asked for yet"
        hint = f"write `{name.gpu_instance}`: one compute instance fills each GPU instance"
        return Problem(entry.span, path, message, hint)
    if catalog.load().vgpu_type(word) is not None:
        hint = "write it under `vgpu`, in a pool with `workload: vm-vgpu`"
        return Problem(entry.span, path, f"{quoted(word)} is a vGPU type, not a MIG profile", hint)
    return Problem(entry.span, path, f"there is no MIG profile {quoted(word)}", _FORM, partial(_meant, word, models))


def _meant(word: str, models: Sequence[GpuModel]) -> Sequence[str]:
    return catalog.load().suggest_mig(word, models[0].id if len(models) == 1 else None)


def _foreign(name: MigProfileName, entry: Entry, path: Path, models: Sequence[GpuModel]) -> Problem | None:
    """A well-formed name that no card has, or none that the selector names."""
    meanings = amounts.cards(name)
    if not meanings:
        message = f"there is no MIG profile {quoted(entry.key)}"
        return Problem(entry.span, path, message, _FORM, partial(_meant, entry.key, models))
    named = amounts.tables(models)
    if not named or any(card in meanings for card in named):
        return None
    profiles = catalog.load().mig_profiles(models[0].id)
    hint = f"it has {', '.join(str(profile.name) for profile in profiles)}"
    message = f"the {models[0].name} has no MIG profile {quoted(entry.key)}"
    return Problem(entry.span, path, message, hint, partial(_meant, entry.key, models))


def _too_much(wishes: Sequence[_Wish], models: Sequence[GpuModel]) -> Iterator[Problem]:
    wanted = [(wish.profile, wish.count) for wish in wishes if wish.count is not None and wish.count > 0]
    candidates = amounts.tables(models) or catalog.load().mig_tables()
    last = wishes[-1]
    if not any(all(amounts.profile_of(card, wish.profile) for wish in wishes) for card in candidates):
        names = " and ".join(str(wish.profile) for wish in wishes[:_MOST_NAMED])
        message = f"no GPU has the profiles {names} together"
        yield Problem(last.entry.span, last.path, message, "keep the profiles of one card")
    elif short := amounts.shortage(wanted, candidates):
        wish = next((wish for wish in wishes if wish.profile == short.profile), last)
        hint = f"ask for fewer (counted on the {short.table.name})"
        yield Problem(wish.entry.value.span, wish.path, short.why, hint)
