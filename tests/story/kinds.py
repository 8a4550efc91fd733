"""The kinds of workload that a GPU may carry, as cuts of a document, and a way that takes every change of kind once.

Boundary: data and pure. The same way is gone on the twin and on the kernel bench.
"""

from __future__ import annotations

from collections.abc import Sequence

HALVES = "vgpu: {A100D-40C: 2}"
BACKED = "vgpu: {A100D-2-20C: 3, A100D-1-10C: 1}"
KINDS = {
    "whole": "whole: true",
    "mig": "mig: {3g.40gb: 1, 1g.10gb: 2}",
    "time-sliced": HALVES,
    "mig-backed": BACKED,
    "passthrough": "passthrough: true",
}
WORKLOADS = {"whole": "container", "mig": "container", "vgpu": "vm-vgpu", "passthrough": "vm-passthrough"}


def workload(cut: str) -> str:
    """What a pool with this cut is for."""
    return WORKLOADS[cut.partition(":")[0]]


def walk(kinds: Sequence[str]) -> tuple[str, ...]:
    """A closed way from the first kind over each ordered pair of kinds exactly once: an Eulerian circuit.

    Hierholzer's algorithm on the complete directed graph, which has one for any number of kinds.
    """
    left = {each: [other for other in reversed(kinds) if other != each] for each in kinds}
    way: list[str] = []
    open_end = [kinds[0]]
    while open_end:
        if left[open_end[-1]]:
            open_end.append(left[open_end[-1]].pop())
        else:
            way.append(open_end.pop())
    return tuple(reversed(way))


def stroll(kinds: Sequence[str]) -> tuple[str, ...]:
    """A closed way from the first kind over each pair of kinds once, in one of its directions; their number is odd.

    Half of `walk`, where each change takes long: an Eulerian circuit of the complete graph.
    """
    left = {each: [other for other in reversed(kinds) if other != each] for each in kinds}
    way: list[str] = []
    open_end = [kinds[0]]
    while open_end:
        here = open_end[-1]
        if left[here]:
            open_end.append(left[here].pop())
            left[open_end[-1]].remove(here)
        else:
            way.append(open_end.pop())
    return tuple(reversed(way))
