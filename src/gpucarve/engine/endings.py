"""How a target's part of a run ends.

Boundary: values, and the one exception by which a channel ends its track.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from gpucarve.calls.programs import Refusal, RefusalKind


class Outcome(Enum):
    """What to make of it: after all but DONE, running the same verb again is safe."""

    DONE = "done"
    REFUSED = "refused"  # by a check, before anything was written for it
    DIVERGED = "diverged"  # the facts are no longer those the plan was approved on
    FAILED = "failed"  # a step did not do what it says
    BLOCKED = "blocked"  # another target it depends on did not get there
    HELD = "held"  # not begun: too many others had failed
    LEFT_OUT = "left out"  # not begun: the plan was made without it, since it gave no answer or a check refused it
    PAUSED = "paused"  # somebody asked for a rest; goes on when run again
    LOCKED = "locked"  # somebody else works there
    OVERTAKEN = "overtaken"  # somebody else took over meanwhile: nothing more was written
    UNREACHABLE = "unreachable"  # no answer; goes on when run again
    NO_PERMISSION = "no permission"


@dataclass(frozen=True, slots=True)
class Ending:
    """The outcome and why, a sentence each."""

    outcome: Outcome
    reasons: tuple[str, ...] = ()


class Ended(Exception):
    """Ends a track from within."""

    def __init__(self, ending: Ending) -> None:
        super().__init__("; ".join(ending.reasons))
        self.ending = ending


_OUTCOMES = {
    RefusalKind.LOCKED: Outcome.LOCKED,
    RefusalKind.LEASE_HELD: Outcome.LOCKED,
    RefusalKind.FENCED: Outcome.OVERTAKEN,
    RefusalKind.NO_PERMISSION: Outcome.NO_PERMISSION,
    RefusalKind.HOST_KEY: Outcome.NO_PERMISSION,
    RefusalKind.UNREACHABLE: Outcome.UNREACHABLE,
    RefusalKind.LOST: Outcome.UNREACHABLE,
    RefusalKind.UNFIT: Outcome.REFUSED,
}


def of_refusal(refusal: Refusal) -> Ending:
    """The ending that a refusal means when nothing can be done about it."""
    return Ending(_OUTCOMES[refusal.kind], (refusal.sentence,))
