"""What a change is made of, as data that can be shown, saved and approved.

Boundary: values; resources declare them, the plan arranges them, the faces print them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Action(Enum):
    """What a step does to its resource."""

    CREATE = "create"
    CHANGE = "change"
    REMOVE = "remove"
    REBOOT = "reboot"
    WAIT = "wait"  # someone else's reconcile, or a number to be asserted
    ADOPT = "adopt"  # our record alone; the thing itself is not written
    RELEASE = "release"  # our record alone is dropped


class DisruptionKind(Enum):
    """How much else is disturbed; listed from least to most."""

    NONE = "none"
    SERVICE = "service"
    GPU_RESET = "gpu reset"
    DRIVER_RELOAD = "driver reload"
    REBOOT = "reboot"

    @property
    def rank(self) -> int:
        """0 for the least."""
        return list(DisruptionKind).index(self)


@dataclass(frozen=True, slots=True)
class Disruption:
    """A kind and what it reaches: a GPU's address, `host` or `pool`."""

    kind: DisruptionKind = DisruptionKind.NONE
    scope: str = ""

    def wider_than(self, other: Disruption) -> bool:
        """Whether this disturbs more than `other`, in kind or in reach."""
        if self.kind is DisruptionKind.NONE:
            return False
        return self.kind.rank > other.kind.rank or (self.scope != other.scope and other.scope not in ("host", "pool"))

    def __str__(self) -> str:
        return f"{self.kind.value} of {self.scope}" if self.scope else self.kind.value


@dataclass(frozen=True, slots=True)
class PutBack:
    """Undo: restore these paths from the copies that the claim on the target holds."""

    paths: tuple[str, ...]

    def __str__(self) -> str:
        return f"restore {', '.join(self.paths)}"


@dataclass(frozen=True, slots=True)
class Compensate:
    """Undo: bring the same resource to an earlier state."""

    state: str

    def __str__(self) -> str:
        return f"back to {self.state}"


@dataclass(frozen=True, slots=True)
class Irreversible:
    """There is no way back; approved by name."""

    why: str

    def __str__(self) -> str:
        return f"cannot be undone: {self.why}"


@dataclass(frozen=True, slots=True)
class NothingToUndo:
    """The step leaves nothing behind that a rollback would have to change."""

    def __str__(self) -> str:
        return "nothing to undo"


Undo = PutBack | Compensate | Irreversible | NothingToUndo


@dataclass(frozen=True, slots=True)
class Assumption:
    """A fact a plan counts on: `fact` of `key` has `value`. Predicted ones are compared once they can be seen."""

    fact: str
    key: str
    value: str

    def __str__(self) -> str:
        return f"{self.fact} of {self.key}: {self.value}"
