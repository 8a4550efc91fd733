"""Each pool's `demand` as a whole: wants of one kind that some card can carry, beside no cut.

Boundary: names against the catalog, and what the words alone show. Whether the pool's GPUs hold it is layout's.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice

from gpucarve import catalog
from gpucarve.model.mig import MigProfileName
from gpucarve.spec import amounts, tree
from gpucarve.spec.problems import Problem, alike, quoted
from gpucarve.spec.tree import Entry, Node, Path, Table
from gpucarve.spec.wants import WANT_KINDS, WANTS

_SLIPS = 20
_UNITS = {"Gi": 1024, "Mi": 1}
_EXAMPLES = {
    "mig": "mig: 1g.10gb",
    "whole": "whole: true",
    "passthrough": "passthrough: true",
    "vgpu": "vgpu: A40-8Q",
    "vgpuOf": "vgpuOf: {memory: 8Gi, series: Q}",
}


def problems(root: Node) -> Iterator[Problem]:
    """Everything about demands that the catalog or a second look at the pool tells."""
    for site, site_path in tree.items(*tree.member(root, (), "sites")):
        for pool, path in tree.items(*tree.member(site, site_path, "pools")):
            if isinstance(pool, Table):
                yield from _of_pool(pool, path)
                yield from _wants(pool, path)


def _of_pool(pool: Table, path: Path) -> Iterator[Problem]:
    entries = pool.entries
    if "cut" in entries and "demand" in entries:
        hint = "name each GPU's part under `cut`, or leave where things stand to `demand`"
        yield Problem(entries["demand"].span, path, "a pool has `cut` or `demand`, and this one has both", hint)
    if "objective" in entries and "demand" not in entries:
        hint = "it says what counts where a `demand` is fitted; remove it"
        yield Problem(entries["objective"].span, path, "`objective` stands beside no `demand`", hint)
    meant = any(alike(key, ("cut", "demand")) for key in islice(entries, _SLIPS) if key not in ("nodes", "name"))
    if "cut" not in entries and "demand" not in entries and not meant:
        head = next((entry.span for entry in entries.values()), pool.span)
        hint = 'add `cut: [{gpu: "0000:3b:00.0", vgpu: {A100D-40C: 2}}]`, or `demand: [{vgpu: A100D-40C, count: 2}]`'
        yield Problem(head, path, "`cut` or `demand` is missing in this entry", hint)


def _wants(pool: Table, path: Path) -> Iterator[Problem]:
    workload = tree.text(tree.member(pool, path, "workload")[0]) or ""
    seen: dict[tuple[str, str, str], int] = {}
    for want, want_path in tree.items(*tree.member(pool, path, "demand")):
        if not isinstance(want, Table):
            continue
        kinds = [entry for entry in want.entries.values() if entry.key in WANT_KINDS]
        if len(kinds) != 1:
            yield from _not_one(want, want_path, kinds, workload)
            continue
        (entry,) = kinds
        fitting = WANTS.get(workload, WANT_KINDS)
        if entry.key not in fitting:
            right = next(word for word, each in WANTS.items() if entry.key in each)
            message = f"{quoted(entry.key)} does not serve the workload {quoted(workload)}"
            examples = " or ".join(f"`{_EXAMPLES[each]}`" for each in fitting)
            hint = f"write {examples}, or `workload: {right}` for a pool that serves that alone"
            yield Problem(entry.span, (*want_path, entry.key), message, hint)
        yield from _named(entry, (*want_path, entry.key))
        key = (entry.key, _word(entry.value), tree.text(want.get("tenant")) or "")
        if key in seen:
            message = f"{quoted(key[1])} is wanted a second time"
            yield Problem(
                entry.span, (*want_path, entry.key), message, f"the first is on line {seen[key]}; add them up"
            )
        seen.setdefault(key, entry.span.line)


def _word(node: Node) -> str:
    if isinstance(node, Table):
        return "/".join(tree.text(each.value) or "" for _, each in sorted(node.entries.items()))
    return tree.text(node) or "true"


def _not_one(want: Table, path: Path, kinds: list[Entry], workload: str) -> Iterator[Problem]:
    if kinds:
        names = " and ".join(quoted(each.key) for each in kinds)
        hint = "write an entry for each"
        yield Problem(kinds[1].span, path, f"a want has exactly one kind; this one has {names}", hint)
    elif not any(alike(key, WANT_KINDS) for key in islice(want.entries, _SLIPS) if key not in ("count", "tenant")):
        fitting = WANTS.get(workload, WANT_KINDS)
        head = next((entry.span for entry in want.entries.values()), want.span)
        hint = "add " + " or ".join(f"`{_EXAMPLES[each]}`" for each in fitting)
        yield Problem(head, path, "this entry does not say what is wanted", hint)


def _named(entry: Entry, path: Path) -> Iterator[Problem]:
    word = tree.text(entry.value)
    if entry.key == "mig" and word is not None:
        yield from _profile(word, entry, path)
    elif entry.key == "vgpu" and word is not None and catalog.load().vgpu_type(word) is None:
        hint = "a type's name is board, size in GB and series, such as A40-8Q; `vgpuOf` asks for a size on any board"
        message = f"there is no vGPU type {quoted(word)}"
        yield Problem(entry.value.span, path, message, hint, partial(catalog.load().suggest, word))
    elif entry.key == "vgpuOf" and isinstance(entry.value, Table):
        yield from _size(entry.value, path)


def _profile(word: str, entry: Entry, path: Path) -> Iterator[Problem]:
    try:
        name: MigProfileName | None = MigProfileName.parse(word)
    except ValueError:
        name = None
    if name is not None and name.compute is not None:
        message = f"{quoted(word)} is a compute instance, which cannot be asked for yet"
        hint = f"write `{name.gpu_instance}`: one compute instance fills each GPU instance"
        yield Problem(entry.value.span, path, message, hint)
    elif name is None or not amounts.cards(name):
        hint = "a profile's name is compute slices and memory, such as 1g.10gb; it differs from card to card"
        message = f"there is no MIG profile {quoted(word)}"
        yield Problem(entry.value.span, path, message, hint, partial(catalog.load().suggest_mig, word))


def _size(size: Table, path: Path) -> Iterator[Problem]:
    memory, series = tree.text(size.get("memory")), tree.text(size.get("series"))
    number = (memory or "")[:-2]
    if memory is None or series is None or not (number.isascii() and number.isdigit()) or memory[-2:] not in _UNITS:
        return
    mib = int(number) * _UNITS[memory[-2:]]
    known = catalog.load()
    boards = {board for gpu in known.gpus() for board in gpu.boards}
    sizes = sorted({each.framebuffer_mib for b in boards for each in known.vgpu_types(b) if each.name.series == series})
    if sizes and mib not in sizes:
        near = ", ".join(f"{each // 1024}Gi" for each in sizes if each % 1024 == 0)
        yield Problem(size.span, path, f"no board has a vGPU of {memory} in series {series}", f"there are {near}")
