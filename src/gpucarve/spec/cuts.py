"""Cuts against the catalog: types that exist, counts that a GPU can hold, types that can stand side by side.

Boundary: what holds for every GPU of a board, whichever machine it is in. Which GPU a node really has, and in which
mode it is, is layout's. Rules T1 and T4: time-sliced vGPUs of one GPU have one framebuffer size, and a limit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from gpucarve import catalog
from gpucarve.catalog import VgpuMode, VgpuType
from gpucarve.model.pci import PciAddress
from gpucarve.spec import later, tree
from gpucarve.spec.problems import Problem, quoted
from gpucarve.spec.tree import Entry, Node, Path, Scalar, Span, Table

_MIG_PROFILE = re.compile(r"[1-9]g\.[0-9]{1,3}gb[+a-z.-]*")


@dataclass(frozen=True, slots=True)
class _Wish:
    """One line of a `vgpu` mapping whose type is known. `count` is None where the document's is no number."""

    type: VgpuType
    count: int | None
    entry: Entry
    path: Path


def problems(root: Node) -> Iterator[Problem]:
    """Everything about cuts that the catalog or a second look at the pool tells."""
    for site, site_path in tree.items(*tree.member(root, (), "sites")):
        for pool, pool_path in tree.items(*tree.member(site, site_path, "pools")):
            cuts = list(tree.items(*tree.member(pool, pool_path, "cut")))
            yield from _chosen_twice(cuts)
            for cut, path in cuts:
                yield from _kinds(cut, path)
                yield from _vgpus(*tree.member(cut, path, "vgpu"))


def _chosen_twice(cuts: list[tuple[Node, Path]]) -> Iterator[Problem]:
    first: dict[str, Span] = {}
    for cut, path in cuts:
        gpu, gpu_path = tree.member(cut, path, "gpu")
        word = _selector(gpu)
        if gpu is None or word is None:
            continue
        clash = (
            word if word in first else "all" if "all" in first else next(iter(first), None) if word == "all" else None
        )
        if clash is not None:
            message = (
                f"the GPU {quoted(word)} is cut twice" if clash == word else f"{quoted(word)} overlaps {quoted(clash)}"
            )
            hint = f"the other entry is on line {first[clash].line}; give each GPU one entry, with all its vGPUs"
            yield Problem(gpu.span, gpu_path, message, hint)
        first.setdefault(word, gpu.span)


def _selector(node: Node | None) -> str | None:
    """The selector in its normal form; None where it is none, which the models say."""
    word = tree.text(node)
    if word is None or word == "all":
        return word
    try:
        return str(PciAddress.parse(word))
    except ValueError:
        return None


def _kinds(cut: Node, path: Path) -> Iterator[Problem]:
    if not isinstance(cut, Table):
        return
    kinds = [entry for entry in cut.entries.values() if later.is_cut_kind(entry.key)]
    if len(kinds) > 1:
        names = " and ".join(quoted(entry.key) for entry in kinds)
        message = f"a cut has exactly one kind; this one has {names}"
        yield Problem(kinds[1].span, path, message, "a GPU becomes one thing; keep one kind")


def _vgpus(node: Node | None, path: Path) -> Iterator[Problem]:
    wishes: list[_Wish] = []
    for entry, entry_path in tree.entries(node, path):
        found = catalog.load().vgpu_type(entry.key)
        if found is None:
            yield _no_type(entry, entry_path)
        elif found.mode is not VgpuMode.TIME_SLICED:
            yield _mig_backed(found, entry, entry_path)
        else:
            wish = _Wish(found, _count(entry.value), entry, entry_path)
            yield from _too_many(wish)
            yield from _side_by_side(wishes, wish)
            wishes.append(wish)
    yield from _together(wishes)


def _no_type(entry: Entry, path: Path) -> Problem:
    known = catalog.load()
    word = entry.key
    if word.startswith("nvidia-") and word[7:].isdecimal() and len(word) < 16:
        message = f"{quoted(word)} is a driver's number of a type, not its name"
        hint = "write the type's name; another driver gives the same number to another type"
        return Problem(entry.span, path, message, hint, partial(_numbered, int(word[7:])))
    if _MIG_PROFILE.fullmatch(word):
        hint = "a MIG-backed vGPU type names board, slices and size, such as A100D-1-10C; it is not supported yet"
        return Problem(entry.span, path, f"{quoted(word)} is a MIG profile, not a vGPU type", hint)
    hint = "a type's name is board (A100D is the A100 80GB PCIe), size in GB and series, such as A100D-40C"
    return Problem(entry.span, path, f"there is no vGPU type {quoted(word)}", hint, partial(known.suggest, word))


def _numbered(type_id: int) -> tuple[str, ...]:
    return tuple(str(found.name) for found in catalog.load().vgpu_types_by_id(type_id))


def _mig_backed(found: VgpuType, entry: Entry, path: Path) -> Problem:
    mates = catalog.load().vgpu_types(found.board)
    same = next(
        (
            str(mate.name)
            for mate in mates
            if mate.mode is VgpuMode.TIME_SLICED
            and (mate.framebuffer_mib, mate.name.series) == (found.framebuffer_mib, found.name.series)
        ),
        None,
    )
    message = (
        f"{quoted(entry.key)} is MIG-backed, which is not supported yet: this release makes time-sliced vGPUs only"
    )
    hint = f"`{same}` is the time-sliced type of the same size" if same else "choose a time-sliced type of the board"
    return Problem(entry.span, path, message, hint)


def _count(node: Node) -> int | None:
    value = node.value if isinstance(node, Scalar) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _too_many(wish: _Wish) -> Iterator[Problem]:
    if wish.count is None or wish.count <= wish.type.max_per_gpu:
        return
    most = wish.type.max_per_gpu
    message = f"{wish.count} vGPUs of type {wish.type.name} do not fit on one GPU; at most {most} do"
    smaller = [
        mate
        for mate in catalog.load().vgpu_types(wish.type.board)
        if mate.mode is VgpuMode.TIME_SLICED
        and mate.name.series == wish.type.name.series
        and mate.max_per_gpu >= wish.count
    ]
    best = max(smaller, key=lambda mate: mate.framebuffer_mib, default=None)
    other = f", or choose {best.name}, of which {best.max_per_gpu} fit" if best else ""
    yield Problem(wish.entry.value.span, wish.path, message, f"write {most} or fewer{other}")


def _side_by_side(earlier: list[_Wish], wish: _Wish) -> Iterator[Problem]:
    if not earlier:
        return
    first, second = earlier[0].type, wish.type
    if first.name == second.name:
        message = f"{quoted(wish.entry.key)} is {first.name} a second time"
        yield Problem(
            wish.entry.span, wish.path, message, f"the first is on line {earlier[0].entry.span.line}; add them up"
        )
    elif first.board != second.board:
        message = f"{second.name} belongs to the board {second.board}, {first.name} to {first.board}; no GPU is both"
        yield Problem(wish.entry.span, wish.path, message, "keep the types of the board that the GPU is")
    elif first.framebuffer_mib != second.framebuffer_mib:
        message = (
            f"{second.name} has {second.framebuffer_mib} MiB and {first.name} {first.framebuffer_mib}; "
            "time-sliced vGPUs on one GPU have one framebuffer size"
        )
        yield Problem(wish.entry.span, wish.path, message, "put the other size on another GPU")


def _together(wishes: list[_Wish]) -> Iterator[Problem]:
    """Types of one size share one limit."""
    counts = [wish.count for wish in wishes if wish.count is not None]
    alone = all(wish.count is None or wish.count <= wish.type.max_per_gpu for wish in wishes)
    same = len({(wish.type.board, wish.type.framebuffer_mib) for wish in wishes}) == 1
    if len(wishes) < 2 or not alone or not same:
        return
    most = max(wish.type.max_per_gpu for wish in wishes)
    if sum(counts) > most:
        last = wishes[-1]
        message = f"together {sum(counts)} vGPUs of {last.type.framebuffer_mib} MiB; at most {most} fit on one GPU"
        yield Problem(last.entry.value.span, last.path, message, "ask for fewer, or put some on another GPU")
