"""The `vgpu` mapping of an entry against the catalog: types that exist, side by side, in numbers that fit.

Boundary: what holds for every GPU of a board. Rules T1 and T4: time-sliced vGPUs of one GPU have one framebuffer size,
and a limit; B1 to B5: MIG-backed ones have a GPU instance each (or share one, by turns), and never a time-sliced mate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from gpucarve import catalog
from gpucarve.catalog import GpuModel, VgpuMode, VgpuType
from gpucarve.model.mig import MigProfileName
from gpucarve.model.vgpu import VgpuTypeName
from gpucarve.spec import amounts, tree
from gpucarve.spec.problems import Problem, quoted
from gpucarve.spec.tree import Entry, Node, Path


@dataclass(frozen=True, slots=True)
class _Wish:
    """One line of a `vgpu` mapping whose type is known. `count` is None where the document's is no number."""

    type: VgpuType
    count: int | None
    entry: Entry
    path: Path


def problems(node: Node | None, path: Path, models: Sequence[GpuModel]) -> Iterator[Problem]:
    """Everything about one `vgpu` mapping. `models` are the GPUs that the selector names, if it names any."""
    wishes: dict[VgpuTypeName, _Wish] = {}
    sound = True
    for entry, entry_path in tree.entries(node, path):
        found = catalog.load().vgpu_type(entry.key)
        if found is None:
            yield _no_type(entry, entry_path)
            continue
        wish = _Wish(found, amounts.count(entry.value), entry, entry_path)
        if alone := _foreign(wish, models) or _twice(wishes.get(found.name), wish):
            yield alone
            sound = False
            continue
        against = [*_too_many(wish), *_side_by_side(next(iter(wishes.values()), None), wish)]
        yield from against
        sound = sound and not against and wish.count is not None and wish.count > 0
        wishes[found.name] = wish
    if sound and len(wishes) > 1:
        yield from _together(tuple(wishes.values()))


def _twice(twin: _Wish | None, wish: _Wish) -> Problem | None:
    if twin is None:
        return None
    message = f"{quoted(wish.entry.key)} is {wish.type.name} a second time"
    return Problem(wish.entry.span, wish.path, message, f"the first is on line {twin.entry.span.line}; add them up")


def _foreign(wish: _Wish, models: Sequence[GpuModel]) -> Problem | None:
    """A type that none of the GPUs offers which the selector names."""
    if not models or any(wish.type.board in model.boards for model in models):
        return None
    boards = tuple(dict.fromkeys(board for model in models for board in model.boards))
    message = f"the {models[0].name} does not offer {quoted(str(wish.type.name))}"
    hint = f"its types are those of {' and '.join(boards)}" if boards else "no vGPU types are known for it"
    return Problem(wish.entry.span, wish.path, message, hint, partial(_moved, wish.type, boards))


def _moved(found: VgpuType, boards: Sequence[str]) -> tuple[str, ...]:
    """Types of other boards that have this one's mode, size and series."""
    mates = (mate for board in boards for mate in catalog.load().vgpu_types(board))
    like = (found.mode, found.framebuffer_mib, found.name.series)
    return tuple(str(mate.name) for mate in mates if (mate.mode, mate.framebuffer_mib, mate.name.series) == like)[:3]


def _no_type(entry: Entry, path: Path) -> Problem:
    known = catalog.load()
    word = entry.key
    if word.startswith("nvidia-") and word[7:].isdecimal() and len(word) < 16:
        message = f"{quoted(word)} is a driver's number of a type, not its name"
        hint = "write the type's name; another driver gives the same number to another type"
        return Problem(entry.span, path, message, hint, partial(_numbered, int(word[7:])))
    if _is_mig(word):
        hint = "a MIG-backed vGPU type names board, slices and size, such as A100D-1-10C"
        return Problem(entry.span, path, f"{quoted(word)} is a MIG profile, not a vGPU type", hint)
    hint = "a type's name is board (A100D is the A100 80GB PCIe), size in GB and series, such as A100D-40C"
    return Problem(entry.span, path, f"there is no vGPU type {quoted(word)}", hint, partial(known.suggest, word))


def _numbered(type_id: int) -> tuple[str, ...]:
    return tuple(str(found.name) for found in catalog.load().vgpu_types_by_id(type_id))


def _is_mig(word: str) -> bool:
    try:
        MigProfileName.parse(word)
    except ValueError:
        return False
    return True


def _too_many(wish: _Wish) -> Iterator[Problem]:
    if wish.count is None or wish.count <= wish.type.max_per_gpu:
        return
    most = wish.type.max_per_gpu
    message = f"{wish.count} vGPUs of type {wish.type.name} do not fit on one GPU; at most {most} do"
    smaller = [
        mate
        for mate in catalog.load().vgpu_types(wish.type.board)
        if mate.mode is wish.type.mode and mate.name.series == wish.type.name.series and mate.max_per_gpu >= wish.count
    ]
    best = max(smaller, key=lambda mate: mate.framebuffer_mib, default=None)
    other = f", or choose {best.name}, of which {best.max_per_gpu} fit" if best else ""
    yield Problem(wish.entry.value.span, wish.path, message, f"write {most} or fewer{other}")


def _side_by_side(earlier: _Wish | None, wish: _Wish) -> Iterator[Problem]:
    """What a type has to have in common with the first of its mapping."""
    if earlier is None:
        return
    first, second = earlier.type, wish.type
    if first.board != second.board:
        message = f"{second.name} belongs to the board {second.board}, {first.name} to {first.board}; no GPU is both"
        yield Problem(wish.entry.span, wish.path, message, "keep the types of the board that the GPU is")
    elif _time_sliced(first) != _time_sliced(second):
        kinds = {True: "time-sliced", False: "MIG-backed"}
        message = (
            f"{second.name} is {kinds[_time_sliced(second)]} and {first.name} {kinds[_time_sliced(first)]}; "
            "a GPU carries one sort or the other"
        )
        yield Problem(wish.entry.span, wish.path, message, "put the other sort on another GPU")
    elif _time_sliced(second) and first.framebuffer_mib != second.framebuffer_mib:
        message = (
            f"{second.name} has {second.framebuffer_mib} MiB and {first.name} {first.framebuffer_mib}; "
            "time-sliced vGPUs on one GPU have one framebuffer size"
        )
        yield Problem(wish.entry.span, wish.path, message, "put the other size on another GPU")


def _time_sliced(found: VgpuType) -> bool:
    return found.mode is VgpuMode.TIME_SLICED


def _together(wishes: Sequence[_Wish]) -> Iterator[Problem]:
    """Types that fit one by one, and not side by side: all of one board and one mode, and each within its own limit."""
    counted = [(wish.type, wish.count or 0) for wish in wishes]
    why = _one_size(counted) if _time_sliced(wishes[0].type) else _instances(counted)
    if why:
        last = wishes[-1]
        yield Problem(last.entry.value.span, last.path, why, "ask for fewer, or put some on another GPU")


def _one_size(counted: Sequence[tuple[VgpuType, int]]) -> str | None:
    """Time-sliced types of one size share one limit."""
    total, most = sum(number for _, number in counted), max(found.max_per_gpu for found, _ in counted)
    if total <= most:
        return None
    return f"together {total} vGPUs of {counted[0][0].framebuffer_mib} MiB; at most {most} fit on one GPU"


def _instances(counted: Sequence[tuple[VgpuType, int]]) -> str | None:
    """MIG-backed types share the GPU's slices: each GPU instance carries as many vGPUs of a type as it may (B5)."""
    wanted: dict[MigProfileName, int] = {}
    for found, number in counted:
        if found.gi_profile is None:
            return None
        # Types that take turns may share an instance with each other, so the last one of each is not counted.
        full = number // found.max_per_gi if found.max_per_gi and found.max_per_gi > 1 else number
        name = MigProfileName.parse(found.gi_profile)
        wanted[name] = wanted.get(name, 0) + full
    board = catalog.load().board(counted[0][0].board)
    models = [model for model in map(catalog.load().gpu_model, board.gpus if board else ()) if model]
    short = amounts.shortage(tuple(wanted.items()), amounts.tables(models))
    return f"the GPU instances of these types do not fit: {short.why}" if short else None
