"""The plan as a value: stages of steps, each stage ending where new facts appear.

Boundary: what is shown, saved, approved and compared. It holds resources, predictions, preconditions and undo as
data; never code or file contents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from gpucarve.calls.predicates import Predicate
from gpucarve.model.changes import Action, Assumption, Disruption, Irreversible, Undo
from gpucarve.model.hosts import ResourceKey, Target
from gpucarve.plan.rollouts import LeftOut, SiteRollout
from gpucarve.resources.decisions import Resource
from gpucarve.resources.order import Stage


class Purpose(Enum):
    """Why the plan was made; two runs of different purpose never continue each other."""

    APPLY = "apply"
    ROLLBACK = "rollback"
    ADOPT = "adopt"


@dataclass(frozen=True, slots=True)
class Step:
    """One change of one resource, or a reboot or wait. A predicted one is filled in when its stage comes."""

    key: ResourceKey
    action: Action
    before: str
    after: str
    reason: str
    predicted: bool
    preconditions: tuple[Predicate, ...]
    undo: Undo
    disruption: Disruption
    assumes: tuple[Assumption, ...]
    needs: tuple[ResourceKey, ...]


@dataclass(frozen=True, slots=True)
class StagePlan:
    """The steps of one target that stand at one place in the order; `barrier` says what ends the stage, if anything."""

    target: Target
    stage: Stage
    steps: tuple[Step, ...]

    @property
    def predicted(self) -> bool:
        """Whether any of it is known only when an earlier barrier has passed."""
        return any(step.predicted for step in self.steps)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that is to happen for one fleet.

    `document` is the digest of the fleet document it was made from; `resources` are what another run needs to make it
    again, `rollouts` how it goes over the hosts of each site.
    """

    fleet: str
    document: str
    purpose: Purpose
    resources: tuple[Resource, ...]
    stages: tuple[StagePlan, ...]
    rollouts: tuple[SiteRollout, ...] = ()

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps in order."""
        return tuple(step for stage in self.stages for step in stage.steps)

    @property
    def targets(self) -> tuple[Target, ...]:
        """Every target that a resource or a step belongs to, sorted: GPU clients that a run has left stopped may be all
        that there is to do on one."""
        of_resources = {resource.key.target for resource in self.resources}
        return tuple(sorted(of_resources | {stage.target for stage in self.stages}))

    @property
    def hosts(self) -> tuple[Target, ...]:
        """Every host that it is about, site by site in the document's order, with those left out."""
        return tuple(target for rollout in self.rollouts for target in rollout.hosts)

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """The hosts that it was made without."""
        return tuple(each for rollout in self.rollouts for each in rollout.left_out)

    def without(self, reasons: Mapping[Target, Sequence[str]]) -> Plan:
        """The plan for the other hosts; these count as failures of their rollouts, for these reasons."""
        return replace(
            self,
            resources=tuple(each for each in self.resources if each.key.target not in reasons),
            stages=tuple(stage for stage in self.stages if stage.target not in reasons),
            rollouts=tuple(rollout.without(reasons) for rollout in self.rollouts),
        )

    @property
    def irreversible(self) -> tuple[Step, ...]:
        """The steps that a rollback cannot undo."""
        return tuple(step for step in self.steps if isinstance(step.undo, Irreversible))
