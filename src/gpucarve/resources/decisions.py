"""What a resource answers when asked about a snapshot: settled, a change, or blocked.

Boundary: values and the protocol. Work inside a change is for the engine alone and is never serialised; everything
else in it is data for people, plans and checks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from gpucarve.calls.flows import Flow
from gpucarve.calls.predicates import Predicate
from gpucarve.calls.programs import Guarded
from gpucarve.calls.replies import Done, Failure
from gpucarve.facts.observed import Observed
from gpucarve.model.changes import Action, Assumption, Disruption, NothingToUndo, Undo
from gpucarve.model.findings import Finding
from gpucarve.model.hosts import ResourceKey
from gpucarve.resources.order import Stage


@dataclass(frozen=True, slots=True)
class Batch:
    """Writes that do not depend on each other's replies; consecutive batches of a host run as one program."""

    writes: tuple[Guarded, ...]


FlowWork = Callable[[], Flow[Done | Failure]]
Work = Batch | FlowWork


@dataclass(frozen=True, slots=True)
class Outlook:
    """What will have changed before this resource's turn: a reboot of its host, and those of its needs that are not
    settled yet."""

    reboot: bool = False
    unsettled: frozenset[ResourceKey] = frozenset()

    @property
    def waits(self) -> bool:
        """Whether something comes before this resource's turn, so that nothing can be done for it now."""
        return self.reboot or bool(self.unsettled)

    def wiped_by(self, *kinds: str) -> bool:
        """Whether what stands now will be gone by then: after a reboot, or a change of a need of these kinds."""
        return self.reboot or any(key.kind in kinds for key in self.unsettled)


@dataclass(frozen=True, slots=True)
class Settled:
    """Nothing to do. `knows` are the facts that earlier predictions are compared with."""

    note: str
    knows: tuple[Assumption, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """Something to do. `work` is None while it is only predicted; `assumes` are the facts it then counts on.

    `takes_reboot` says that the change is not in force before the host has booted again, `quiet` that nothing may have
    a GPU of the host open meanwhile: the planner lets known GPU clients stop before and start again after.
    """

    action: Action
    before: str
    after: str
    reason: str
    work: Work | None = None
    preconditions: tuple[Predicate, ...] = ()
    undo: Undo = field(default_factory=NothingToUndo)
    disruption: Disruption = field(default_factory=Disruption)
    assumes: tuple[Assumption, ...] = ()
    knows: tuple[Assumption, ...] = ()
    takes_reboot: bool = False
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Blocked:
    """It cannot be done as things stand; each finding names the fact, the rule and the fix."""

    findings: tuple[Finding, ...]


Decision = Settled | Change | Blocked


class Resource(Protocol):
    """One desired thing; `stage` is its place in the order."""

    stage: ClassVar[Stage]

    @property
    def key(self) -> ResourceKey:
        """Its logical identity."""
        ...

    @property
    def needs(self) -> tuple[ResourceKey, ...]:
        """What must be settled before, on this target or another."""
        ...

    def decide(self, observed: Observed, outlook: Outlook) -> Decision:
        """Compare what is wanted with what is there. Raises `facts.observed.Unreadable` when a fact it needs is
        unknown."""
        ...
