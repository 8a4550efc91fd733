"""What a scene is made of: reads in one gathering, programs, waits for the lock, and what happens from outside.

Boundary: values, and short ways to write them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gpucarve.calls.predicates import Predicate
from gpucarve.calls.primitives import HostRead, HostWrite
from gpucarve.calls.programs import Acquire, Guarded, LeaseChange, Program
from gpucarve.twin.hosts import SimulatedHost

CONTROLLER, RUN = "pair", "pair"


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait for the host's lock, so many seconds at most."""

    patience: float


@dataclass(frozen=True, slots=True)
class Act:
    """Somebody else does something: a script of root's on the guest, and the same to the twin's machine."""

    what: str
    guest: str
    twin: Callable[[SimulatedHost], object]


Reads = tuple[HostRead, ...]
Step = Reads | Program | Wait | Act


@dataclass(frozen=True, slots=True)
class Scene:
    """Steps in order, about one thing."""

    name: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Chain:
    """Scenes that follow each other on one machine: first the bare host or, with `functions`, one with its IOMMU on and
    its VFs enabled. A connection and a snapshot cost seconds, and what one scene leaves is the next one's business."""

    name: str
    scenes: tuple[Scene, ...]
    functions: bool = False

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps."""
        return tuple(step for scene in self.scenes for step in scene.steps)


def look(*reads: HostRead) -> Reads:
    """All in one gathering."""
    return reads


def do(*writes: HostWrite | Guarded, then: Reads = ()) -> Program:
    """A program of a controller that takes the lease: unguarded unless said. The first that fails ends it."""
    return asked(Acquire(30), *writes, then=then)


def asked(
    change: LeaseChange,
    *writes: HostWrite | Guarded,
    then: Reads = (),
    holder: str = CONTROLLER,
    patience: float = 5.0,
) -> Program:
    """A program with a lease change of its own."""
    guarded = tuple(write if isinstance(write, Guarded) else Guarded(write) for write in writes)
    return Program(holder, RUN, change, guarded, then, patience)


def guarded(write: HostWrite, *before: Predicate, wanted: tuple[Predicate, ...] = ()) -> Guarded:
    """One write behind a guard."""
    return Guarded(write, before, wanted)
