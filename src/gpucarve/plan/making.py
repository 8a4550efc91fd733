"""Making a draft: every resource decides on the snapshot, and what it says is put in order.

Resources are asked in the order of their stages, so that each knows what will have changed before its turn. One
reboot of a host serves everything that waits for one, at the end of the boot stage.

Boundary: pure; a resource that cannot read a fact it needs is blocked, with the verdict `unknown`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from gpucarve.facts.observed import Observed, Unreadable
from gpucarve.model.changes import Assumption
from gpucarve.model.findings import Finding, Verdict
from gpucarve.model.hosts import ResourceKey, Target
from gpucarve.plan.plans import Plan, Purpose, StagePlan, Step
from gpucarve.plan.rollouts import SiteRollout
from gpucarve.resources.decisions import Blocked, Change, Decision, Outlook, Resource, Settled, Work
from gpucarve.resources.host import reboot
from gpucarve.resources.order import Stage


@dataclass(frozen=True, slots=True)
class Aim:
    """What a plan is for: the fleet's name, the digest of its document, the purpose, what is to stand, and how it is
    to go over the hosts."""

    fleet: str
    document: str
    purpose: Purpose
    resources: tuple[Resource, ...]
    rollouts: tuple[SiteRollout, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """A plan, what each resource said, and the work of the steps that can run now."""

    plan: Plan
    decisions: Mapping[ResourceKey, Decision]
    work: Mapping[ResourceKey, Work]

    @property
    def blocked(self) -> tuple[Finding, ...]:
        """Why it cannot be carried out; empty when it can."""
        return tuple(
            finding
            for decision in self.decisions.values()
            if isinstance(decision, Blocked)
            for finding in decision.findings
        )

    @property
    def settled(self) -> frozenset[ResourceKey]:
        """The resources with nothing to do."""
        return frozenset(key for key, decision in self.decisions.items() if isinstance(decision, Settled))

    @property
    def knows(self) -> tuple[Assumption, ...]:
        """The facts that can be seen now and that earlier predictions are compared with."""
        return tuple(
            fact for each in self.decisions.values() if isinstance(each, Settled | Change) for fact in each.knows
        )


def make(aim: Aim, observed: Mapping[Target, Observed], unsettled: Collection[ResourceKey] = ()) -> Draft:
    """Draft the plan for the targets in `observed`; `unsettled` are keys of other targets known not to stand yet."""
    decisions: dict[ResourceKey, Decision] = {}
    waiting = set(unsettled)
    reboots: dict[Target, list[str]] = defaultdict(list)
    resources = sorted(aim.resources, key=lambda each: (each.stage, each.key))
    for resource in resources:
        target = resource.key.target
        if target not in observed:
            continue
        outlook = Outlook(reboot=target in reboots, unsettled=frozenset(waiting.intersection(resource.needs)))
        decision = _decide(resource, observed[target], outlook)
        decisions[resource.key] = decision
        if not isinstance(decision, Settled):
            waiting.add(resource.key)
        if isinstance(decision, Change) and decision.takes_reboot:
            reboots[target].append(f"{resource.key.kind} takes effect at boot")
    work = {key: each.work for key, each in decisions.items() if isinstance(each, Change) and each.work is not None}
    extra: dict[Target, Step] = {}
    for target, reasons in reboots.items():
        change = reboot.change(observed[target], tuple(reasons))
        extra[target] = _step(reboot.key(target), change, ())
        if change.work is not None:
            work[reboot.key(target)] = change.work
    needs = {resource.key: resource.needs for resource in resources}
    stages = _stages(resources, decisions, needs, extra)
    return Draft(Plan(aim.fleet, aim.document, aim.purpose, aim.resources, stages, aim.rollouts), decisions, work)


def _decide(resource: Resource, observed: Observed, outlook: Outlook) -> Decision:
    try:
        return resource.decide(observed, outlook)
    except Unreadable as error:
        key = resource.key
        rule = "nothing is written on the ground of a fact that could not be read"
        return Blocked((Finding(key.target, key.kind, Verdict.UNKNOWN, str(error), rule),))


def _stages(
    resources: Sequence[Resource],
    decisions: Mapping[ResourceKey, Decision],
    needs: Mapping[ResourceKey, tuple[ResourceKey, ...]],
    reboots: Mapping[Target, Step],
) -> tuple[StagePlan, ...]:
    grouped: dict[tuple[Stage, Target], list[Step]] = defaultdict(list)
    for resource in resources:
        decision = decisions.get(resource.key)
        if isinstance(decision, Change) and _does_something(decision):
            grouped[resource.stage, resource.key.target].append(_step(resource.key, decision, needs[resource.key]))
    for target, step in reboots.items():
        grouped[Stage.BOOT, target].append(step)
    return tuple(StagePlan(target, stage, tuple(steps)) for (stage, target), steps in sorted(grouped.items()))


def _does_something(change: Change) -> bool:
    """False for a change that is written already and waits for the reboot alone: the reboot's step stands for it."""
    return not (change.takes_reboot and getattr(change.work, "writes", True) == ())


def _step(key: ResourceKey, change: Change, needs: tuple[ResourceKey, ...]) -> Step:
    return Step(
        key=key,
        action=change.action,
        before=change.before,
        after=change.after,
        reason=change.reason,
        predicted=change.work is None,
        preconditions=change.preconditions,
        undo=change.undo,
        disruption=change.disruption,
        assumes=change.assumes,
        needs=needs,
    )
