"""What moves from host to host is made there before it goes here, so that a service keeps what it has meanwhile.

A removal waits for its replacement. On one host all removals come before what is built, so hosts must not wait for each
other in a circle: a wait that would close one is left out, and that instance is short for a while.

Boundary: adds to what resources need; pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from gpucarve.layout.layouts import InstanceAt, Relocation
from gpucarve.model.hosts import ResourceKey, Target
from gpucarve.resources.decisions import Resource
from gpucarve.resources.host import instances
from gpucarve.resources.host.gpu_instance import GpuInstance
from gpucarve.resources.host.gpu_instance_removal import NoGpuInstance


def ordered(resources: Sequence[Resource], relocations: Iterable[Relocation]) -> tuple[Resource, ...]:
    """The resources, removals of what is relocated waiting for it to stand where it goes."""
    making = {each.key for each in resources if isinstance(each, GpuInstance)}
    going = {each.key for each in resources if isinstance(each, NoGpuInstance)}
    waits: defaultdict[Target, set[Target]] = defaultdict(set)
    needs: dict[ResourceKey, ResourceKey] = {}
    for each in relocations:
        old, new = _key(each.old), _key(each.new)
        if old not in going or new not in making or _reaches(waits, new.target, old.target):
            continue
        waits[old.target].add(new.target)
        needs[old] = new
    return tuple(
        replace(each, needs=(*each.needs, needs[each.key]))
        if isinstance(each, NoGpuInstance) and each.key in needs
        else each
        for each in resources
    )


def _key(each: InstanceAt) -> ResourceKey:
    return instances.key(each.target, each.gpu, each.profile, each.placement)


def _reaches(waits: defaultdict[Target, set[Target]], start: Target, goal: Target) -> bool:
    """Whether a host waits for another, or for one that does."""
    seen, left = set[Target](), [start]
    while left:
        here = left.pop()
        if here == goal:
            return True
        if here not in seen:
            seen.add(here)
            left += waits.get(here, ())
    return False
