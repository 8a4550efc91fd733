"""A plan as people read it: in short (`short_plans`) or in full, and what it costs.

Boundary: pure. Everything that is approved with a plan is shown here: what is predicted and when it will be known,
what is disturbed, what cannot be undone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from gpucarve.cli.views import rollouts, short_plans, steps
from gpucarve.cli.views.text import Role, Style, count
from gpucarve.model.changes import Action, DisruptionKind, NothingToUndo
from gpucarve.model.hosts import Target
from gpucarve.plan.plans import Plan, Purpose, StagePlan, Step
from gpucarve.resources.order import Stage

_WAYS_BACK = {
    Purpose.APPLY: "every change is recorded on its host before it is made; `gpucarve rollback` undoes them",
    Purpose.ROLLBACK: "`gpucarve apply` makes it all again",
    Purpose.ADOPT: "`gpucarve rollback` drops the records again",
}


_MORE = [("Details", "add `-o wide`: what each step assumes, disturbs, and how it is undone")]


def render(plan: Plan, style: Style, *, wide: bool = False) -> str:
    """The whole plan, in short or with all that is known of each step; one sentence when there is nothing to do."""
    if not plan.stages and not plan.left_out:
        return f"Nothing to {steps.VERBS[plan.purpose]}: fleet {plan.fleet} needs no change."
    lines = head(plan, style)
    lines += _long(plan, style) if wide else short_plans.body(plan, style)
    return "\n".join([*lines, "", *style.table([*summary(plan), *([] if wide else _MORE)])])


def head(plan: Plan, style: Style) -> list[str]:
    """What the plan is for, and how much it is."""
    text = f"Plan to {steps.VERBS[plan.purpose]}: fleet {plan.fleet}, {_size(plan)}"
    return style.paragraph(text, rest="  ", role=Role.HEAD)


def _long(plan: Plan, style: Style) -> list[str]:
    lines: list[str] = []
    earlier: defaultdict[Target, list[StagePlan]] = defaultdict(list)
    for number, stage in enumerate(plan.stages, 1):
        lines += ["", *_stage(number, stage, earlier[stage.target], style)]
        earlier[stage.target].append(stage)
    return lines


def summary(plan: Plan) -> list[tuple[str, str]]:
    """What an approval has to know, a label and a sentence each."""
    rows = [("Disturbs", text) for text in disturbed(plan)] or [("Disturbs", "nothing")]
    predicted = sum(step.predicted for step in plan.steps)
    if predicted:
        text = f"{predicted} of {count(len(plan.steps), 'step')} (?); the run stops if they turn out otherwise"
        rows.append(("Predicted", text))
    rows += [("No way back", f"{steps.name(step)}: {step.undo}") for step in plan.irreversible]
    if not plan.irreversible:
        rows.append(("Way back", _WAYS_BACK[plan.purpose]))
    return rows + rollouts.rows(plan)


def disturbed(plan: Plan) -> list[str]:
    """Each host with what will be disturbed there, the widest first."""
    lines = []
    of_targets: defaultdict[Target, list[Step]] = defaultdict(list)
    for step in plan.steps:
        of_targets[step.key.target].append(step)
    for target, own in of_targets.items():
        reboots = sum(step.action is Action.REBOOT for step in own)
        found = {step.disruption for step in own if step.disruption.kind is not DisruptionKind.NONE}
        lesser = sorted((each for each in found if each.kind is not DisruptionKind.REBOOT), key=str)
        parts = [count(reboots, "reboot")] if reboots else []
        parts += [str(each) for each in sorted(lesser, key=lambda each: -each.kind.rank)]
        if parts:
            lines.append(f"{target}: {', '.join(parts)}")
    return lines


def _size(plan: Plan) -> str:
    hosts = len(dict.fromkeys(step.key.target for step in plan.steps))
    return f"{count(len(plan.steps), 'step')} on {count(hosts, 'host')}"


def _stage(number: int, stage: StagePlan, earlier: Sequence[StagePlan], style: Style) -> list[str]:
    title = f"Stage {number}: {steps.title(stage.stage)}, on {stage.target}"
    lines = style.paragraph(title, rest="  ", role=Role.HEAD)
    known = known_when(stage.target, earlier)
    for step in stage.steps:
        lines += _step(step, known, style)
    if barrier := _barrier(stage):
        lines += style.paragraph(f"then: {barrier}", first="  -- ", role=Role.FAINT)
    return lines


def _barrier(stage: StagePlan) -> str:
    """What ends the stage; a boot stage without a reboot ends in nothing."""
    rebooting = any(step.action is Action.REBOOT for step in stage.steps)
    return stage.stage.barrier if rebooting or stage.stage is not Stage.BOOT else ""


def known_when(target: Target, earlier: Sequence[StagePlan]) -> str:
    """When what follows these stages will be known on a target: after the last barrier there."""
    if any(step.action is Action.REBOOT for stage in earlier if stage.target == target for step in stage.steps):
        return "known after the reboot"
    barriers = [barrier for stage in earlier if stage.target == target and (barrier := _barrier(stage))]
    return f"known when {barriers[-1]}" if barriers else "known when what it needs stands"


def _step(step: Step, known: str, style: Style) -> list[str]:
    mark, role = steps.MARKS[step.action]
    lines = style.paragraph(steps.name(step), first=f"  {style.paint(role, mark)} ", rest="    ")
    rows = [("before", step.before), ("after", step.after), ("why", step.reason)]
    if step.predicted:
        assumed = f"; assumed: {'; '.join(map(str, step.assumes))}" if step.assumes else ""
        rows.append(("predicted", known + assumed))
    if step.disruption.kind is not DisruptionKind.NONE:
        rows.append(("disturbs", str(step.disruption)))
    if not isinstance(step.undo, NothingToUndo):
        rows.append(("undo", str(step.undo)))
    return lines + style.table(rows, indent="      ")
