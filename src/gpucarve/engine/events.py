"""What happens during a run, for whoever watches.

Boundary: small values; an `Emit` must return at once and never raise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gpucarve.model.hosts import Target
from gpucarve.plan.plans import StagePlan, Step


@dataclass(frozen=True, slots=True)
class Gathered:
    """A snapshot was taken."""

    target: Target


@dataclass(frozen=True, slots=True)
class Queued:
    """A host waits for its turn: as many as may be are under way, or the canaries have not ended."""

    target: Target


@dataclass(frozen=True, slots=True)
class Begun:
    """A host that has something to do has its turn; it is under way until it ends."""

    target: Target


@dataclass(frozen=True, slots=True)
class StageBegun:
    """The first stage of the current draft begins."""

    stage: StagePlan


@dataclass(frozen=True, slots=True)
class StepBegun:
    """A step is about to be carried out."""

    step: Step


@dataclass(frozen=True, slots=True)
class StepEnded:
    """A step ended: `done`, or another word with the reason in `detail`."""

    step: Step
    outcome: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A target waits: for another target, for a lock, for a host to come back."""

    target: Target
    reason: str


@dataclass(frozen=True, slots=True)
class TargetEnded:
    """Nothing more will happen on this target in this run."""

    target: Target
    outcome: str
    detail: tuple[str, ...] = ()


Event = Queued | Begun | Gathered | StageBegun | StepBegun | StepEnded | Waiting | TargetEnded
Emit = Callable[[Event], None]
