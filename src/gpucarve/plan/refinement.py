"""Whether what is about to be done still is what was approved.

A later draft refines the approved plan when it has the same logical resources or fewer, disturbs no more, and every
fact that was predicted holds or cannot be seen yet. Addresses, type ids and UUIDs may be filled in; a removal, another
GPU or host, a second reboot for the same reason may not.

Boundary: pure comparison; the engine stops on what it returns.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

from gpucarve.model.changes import Action
from gpucarve.model.hosts import ResourceKey, Target
from gpucarve.plan.making import Draft
from gpucarve.plan.plans import Plan, Step


def divergences(approved: Plan, draft: Draft, rebooted: Collection[Target] = ()) -> tuple[str, ...]:
    """Why `draft` is not what was approved, a sentence each; empty when it refines it.

    `rebooted` are the hosts that this run has rebooted already.
    """
    planned: defaultdict[ResourceKey, list[Step]] = defaultdict(list)
    for step in approved.steps:
        planned[step.key].append(step)
    about = {resource.key for resource in approved.resources}
    return (
        *(reason for step in draft.plan.steps if (reason := _widened(planned[step.key], step, step.key in about))),
        *_broken_predictions(approved, draft),
        *(
            f"{step.key.target} has been rebooted by this run, and still: {step.reason}"
            for step in draft.plan.steps
            if step.action is Action.REBOOT and step.key.target in rebooted
        ),
    )


def _widened(planned: Sequence[Step], step: Step, of_the_plan: bool) -> str:
    if step.action is Action.RELEASE and of_the_plan:
        return ""
    if not planned:
        return f"{step.key}: {step.action.value} was not part of the approved plan ({step.before} → {step.after})"
    if all(each.action is not step.action for each in planned):
        return f"{step.key}: {step.action.value} instead of the approved {planned[0].action.value}"
    if all(step.disruption.wider_than(each.disruption) for each in planned):
        return f"{step.key}: disturbs more than approved ({step.disruption} instead of {planned[0].disruption})"
    return ""


def _broken_predictions(approved: Plan, draft: Draft) -> tuple[str, ...]:
    seen = draft.knows
    return tuple(
        f"{step.key}: {fact.fact} of {fact.key} was predicted as {fact.value}, found {found}"
        for step in approved.steps
        for fact in step.assumes
        if (found := seen.get((step.key.target, fact.fact, fact.key), fact.value)) != fact.value
    )
