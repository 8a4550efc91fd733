"""Making a draft: every resource decides on the snapshot, and what it says is put in order.

Resources are asked in the order of their stages, so that each knows what will have changed before its turn. Two things
are added that no resource asks for by itself: one reboot of a host, at the end of the boot stage, for everything that
waits for one; and GPU clients stopped before the first change that needs an idle GPU, and started after the last.

Boundary: pure; a resource that cannot read a fact it needs is blocked, with the verdict `unknown`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from gpucarve.facts.observed import Observed, Unreadable
from gpucarve.model.findings import Finding, Verdict
from gpucarve.model.hosts import ResourceKey, Target
from gpucarve.plan.plans import Plan, Purpose, StagePlan, Step
from gpucarve.plan.rollouts import SiteRollout
from gpucarve.resources.decisions import Blocked, Change, Decision, Outlook, Resource, Settled, Work
from gpucarve.resources.host import gpu_clients, reboot
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

    def without(self, reasons: Mapping[Target, Sequence[str]]) -> Draft:
        """The draft for the other hosts, as `Plan.without`."""
        return Draft(
            self.plan.without(reasons),
            {key: each for key, each in self.decisions.items() if key.target not in reasons},
            {key: each for key, each in self.work.items() if key.target not in reasons},
        )

    @property
    def knows(self) -> dict[tuple[Target, str, str], str]:
        """The values of what can be seen now and was predicted before, by target, fact and key."""
        return {
            (key.target, fact.fact, fact.key): fact.value
            for key, each in self.decisions.items()
            if isinstance(each, Settled | Change)
            for fact in each.knows
        }


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
    added = _added(observed, decisions, {resource.key: resource.stage for resource in resources}, reboots)
    work = {key: each.work for key, each in decisions.items() if isinstance(each, Change) and each.work is not None}
    work |= {each.key: each.change.work for each in added if each.change.work is not None}
    needs = {resource.key: resource.needs for resource in resources}
    stages = _stages(resources, decisions, needs, added)
    return Draft(Plan(aim.fleet, aim.document, aim.purpose, aim.resources, stages, aim.rollouts), decisions, work)


@dataclass(frozen=True, slots=True)
class _Added:
    """A step that the planner adds for the sake of others."""

    stage: Stage
    key: ResourceKey
    change: Change


def _added(
    observed: Mapping[Target, Observed],
    decisions: dict[ResourceKey, Decision],
    stages: Mapping[ResourceKey, Stage],
    reboots: Mapping[Target, Sequence[str]],
) -> tuple[_Added, ...]:
    """Each host's reboot, and its GPU clients stopped and started, where changes there need that.

    What cannot be told of the clients is added to the decisions.
    """
    quiet: dict[Target, list[tuple[Stage, str]]] = defaultdict(list)
    for key, decision in decisions.items():
        if isinstance(decision, Change) and decision.quiet:
            quiet[key.target].append((stages[key], key.kind))
    added: list[_Added] = []
    for target, snapshot in observed.items():
        if target in reboots:
            change = reboot.change(snapshot, tuple(reboots[target]))
            added.append(_Added(Stage.BOOT, reboot.key(target), change))
        try:
            added += _clients(target, snapshot, quiet[target], target in reboots)
        except Unreadable as error:
            key = gpu_clients.stopped(target)
            decisions[key] = _unknown(key, error)
    return tuple(added)


def _clients(target: Target, observed: Observed, quiet: Sequence[tuple[Stage, str]], reboots: bool) -> list[_Added]:
    """GPU clients stopped before the changes in `quiet` (their stage and kind), and started when all are done."""
    early = [kind for stage, kind in quiet if stage < Stage.BOOT]
    late = [kind for stage, kind in quiet if stage > Stage.BOOT]
    found: list[_Added] = []
    if early and (change := gpu_clients.stop(observed, early if reboots else [*early, *late])):
        found.append(_Added(Stage.QUIESCE, gpu_clients.stopped(target), change))
    stop_late = gpu_clients.stop_after_boot if reboots else gpu_clients.stop
    if late and (reboots or not early) and (change := stop_late(observed, late)):
        found.append(_Added(Stage.QUIESCE_AGAIN, gpu_clients.stopped(target, after_boot=True), change))
    if found or gpu_clients.to_start(observed):
        change = gpu_clients.start(observed, predicted=bool(quiet))
        found.append(_Added(Stage.RESUME_CLIENTS, gpu_clients.started(target), change))
    return found


def _decide(resource: Resource, observed: Observed, outlook: Outlook) -> Decision:
    try:
        return resource.decide(observed, outlook)
    except Unreadable as error:
        return _unknown(resource.key, error)


def _unknown(key: ResourceKey, error: Unreadable) -> Blocked:
    rule = "nothing is written on the ground of a fact that could not be read"
    return Blocked((Finding(key.target, key.kind, Verdict.UNKNOWN, str(error), rule),))


def _stages(
    resources: Sequence[Resource],
    decisions: Mapping[ResourceKey, Decision],
    needs: Mapping[ResourceKey, tuple[ResourceKey, ...]],
    added: Sequence[_Added],
) -> tuple[StagePlan, ...]:
    grouped: dict[tuple[Stage, Target], list[Step]] = defaultdict(list)
    for resource in resources:
        decision = decisions.get(resource.key)
        if isinstance(decision, Change) and _does_something(decision):
            grouped[resource.stage, resource.key.target].append(_step(resource.key, decision, needs[resource.key]))
    for each in added:
        grouped[each.stage, each.key.target].append(_step(each.key, each.change, ()))
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
