"""Each entry of a cut as a whole: one kind, the kind that its workload needs, and amounts that some GPU can hold.

Boundary: what holds for every GPU of a board or model, whichever machine it is in. Which GPU a node really has, and
how instances come to lie on it, is layout's. Rule K1: a node serves one kind of workload.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from gpucarve import catalog
from gpucarve.catalog import GpuModel
from gpucarve.spec import chosen, instances, later, tree, vgpus
from gpucarve.spec.fleet import KINDS, WORKLOADS
from gpucarve.spec.problems import Problem, alike, quoted
from gpucarve.spec.tree import Node, Path, Table

_SLIPS = 20
_EXAMPLES = {
    "whole": "whole: true",
    "mig": "mig: {1g.10gb: 7}",
    "passthrough": "passthrough: true",
    "vgpu": "vgpu: {A100D-40C: 2}",
}


def problems(root: Node) -> Iterator[Problem]:
    """Everything about cuts that the catalog or a second look at the pool tells."""
    for site, site_path in tree.items(*tree.member(root, (), "sites")):
        for pool, pool_path in tree.items(*tree.member(site, site_path, "pools")):
            workload = tree.text(tree.member(pool, pool_path, "workload")[0])
            cuts = list(tree.items(*tree.member(pool, pool_path, "cut")))
            yield from chosen.problems(cuts)
            for cut, path in cuts:
                if isinstance(cut, Table):
                    yield from _kinds(cut, path, workload)
                    models = _models(cut, path)
                    yield from instances.problems(*tree.member(cut, path, "mig"), models)
                    yield from vgpus.problems(*tree.member(cut, path, "vgpu"), models)


def _models(cut: Table, path: Path) -> tuple[GpuModel, ...]:
    """The GPUs that the entry may be for, where its selector names a model."""
    word = tree.text(tree.member(cut, path, "gpu")[0])
    return catalog.load().gpus_called(word) if word else ()


def _kinds(cut: Table, path: Path, workload: str | None) -> Iterator[Problem]:
    kinds = [entry for entry in cut.entries.values() if entry.key in KINDS or later.is_cut_kind(entry.key)]
    if len(kinds) > 1:
        names = " and ".join(quoted(entry.key) for entry in kinds)
        message = f"a cut has exactly one kind; this one has {names}"
        yield Problem(kinds[1].span, path, message, "a GPU becomes one thing; keep one kind")
        return
    fitting = WORKLOADS.get(workload or "", KINDS)
    if not kinds and not any(alike(key, KINDS) for key in islice(cut.entries, _SLIPS) if key != "gpu"):
        head = cut.entries["gpu"].span if "gpu" in cut.entries else cut.span
        hint = "add " + " or ".join(f"`{_EXAMPLES[kind]}`" for kind in fitting)
        yield Problem(head, path, "this entry does not say what the GPU becomes", hint)
    for entry in kinds:
        if entry.key in KINDS and entry.key not in fitting:
            message = f"{quoted(entry.key)} does not serve the workload {quoted(workload or '')}"
            yield Problem(entry.span, (*path, entry.key), message, _instead(entry.key, fitting, workload))


def _instead(kind: str, fitting: tuple[str, ...], workload: str | None) -> str:
    """What to write where kind and workload do not go together."""
    if (kind, workload) == ("mig", "vm-vgpu"):
        return "VMs get instances as MIG-backed vGPUs, such as `vgpu: {A100D-1-10C: 7}`; the instances follow from that"
    right = next(word for word, kinds in WORKLOADS.items() if kind in kinds)
    examples = " or ".join(f"`{_EXAMPLES[each]}`" for each in fitting)
    return f"write {examples}, or `workload: {right}` for a pool whose GPUs are all cut for that"
