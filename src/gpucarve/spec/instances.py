"""The `mig` mapping of an entry against the catalog: profiles that exist, counts that a card can hold.

Boundary: names and sums. With a model as selector its own table decides; otherwise some card has to fit. Rules M4,
M7, M10: a profile's name means what its card's table says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from gpucarve import catalog
from gpucarve.catalog import GpuModel
from gpucarve.model.mig import MigProfileName
from gpucarve.spec import amounts, tree
from gpucarve.spec.problems import Problem, quoted
from gpucarve.spec.tree import Entry, Node, Path

_FORM = "a profile's name is compute slices and memory, such as 1g.10gb; it differs from card to card"


def problems(node: Node | None, path: Path, models: Sequence[GpuModel]) -> Iterator[Problem]:
    """Everything about one `mig` mapping. `models` are the GPUs that the selector names, if it names any."""
    first: dict[MigProfileName, Entry] = {}
    wanted: list[tuple[MigProfileName, int]] = []
    last: tuple[Entry, Path] | None = None
    sound = True
    if models and all(model.mig is False for model in models):
        for entry, entry_path in tree.entries(node, path):
            message = f"the {models[0].name} has no MIG"
            yield Problem(entry.span, entry_path, message, "write `whole: true` for the whole GPU")
        return
    for entry, entry_path in tree.entries(node, path):
        name = _read(entry.key)
        if name is None:
            yield _no_profile(entry, entry_path, models)
        elif name in first:
            hint = f"the first is on line {first[name].span.line}; add them up"
            yield Problem(entry.span, entry_path, f"{quoted(entry.key)} is {name} a second time", hint)
        elif missing := _foreign(name, entry, entry_path, models):
            yield missing
        elif (number := amounts.count(entry.value)) is not None and number > 0:
            first[name] = entry
            wanted.append((name, number))
            last = entry, entry_path
            continue
        sound = False
    if last and sound:
        yield from _too_much(wanted, last, models)


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
    meanings = [table for table, _ in catalog.load().mig_meanings(name)]
    if not meanings:
        message = f"there is no MIG profile {quoted(entry.key)}"
        return Problem(entry.span, path, message, _FORM, partial(_meant, entry.key, models))
    cards = amounts.tables(models)
    if not cards or any(card in meanings for card in cards):
        return None
    profiles = catalog.load().mig_profiles(models[0].id)
    hint = f"it has {', '.join(str(profile.name) for profile in profiles)}"
    message = f"the {models[0].name} has no MIG profile {quoted(entry.key)}"
    return Problem(entry.span, path, message, hint, partial(_meant, entry.key, models))


def _too_much(wanted: amounts.Wanted, last: tuple[Entry, Path], models: Sequence[GpuModel]) -> Iterator[Problem]:
    entry, path = last
    cards = amounts.tables(models)
    candidates = cards or catalog.load().mig_tables()
    held = [card for card in candidates if all(amounts.profile_of(card, name) for name, _ in wanted)]
    if not held:
        names = " and ".join(str(name) for name, _ in wanted)
        yield Problem(entry.span, path, f"no GPU has the profiles {names} together", "keep the profiles of one card")
    elif short := amounts.shortage(wanted, held):
        yield Problem(entry.value.span, path, short.why, f"ask for fewer (counted on the {short.table.name})")
