"""A plan in short: stage by stage, a line a step; hosts to which the same happens are told of once.

What an approval needs and has no room here (what each prediction assumes, how each step is undone) is the long form's,
`-o wide`; what is disturbed and what has no way back stands below both.

Boundary: pure; `plans` puts it between its head and its summary.
"""

from __future__ import annotations

from collections import defaultdict

from gpucarve.cli.views import steps
from gpucarve.cli.views.text import Role, Style
from gpucarve.model.changes import Action
from gpucarve.model.hosts import Target
from gpucarve.plan.plans import Plan, StagePlan, Step


def body(plan: Plan, style: Style) -> list[str]:
    """The lines between head and summary; hosts with the same lines are named together."""
    bodies: defaultdict[Target, list[str]] = defaultdict(list)
    for stage in plan.stages:
        bodies[stage.target] += _stage(stage, style)
    alike: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for target, own in bodies.items():
        alike[tuple(own)].append(str(target))
    lines: list[str] = []
    for same, targets in alike.items():
        lines += ["", *style.paragraph(", ".join(targets), role=Role.HEAD), *same]
    return lines


def _stage(stage: StagePlan, style: Style) -> list[str]:
    lines = [f"  {style.paint(Role.FAINT, steps.title(stage.stage))}"]
    said = ""
    for step in stage.steps:
        why = "" if step.reason == said else f"  ({step.reason})"
        said = step.reason
        lines += _step(step, why, style)
    return lines


def _step(step: Step, why: str, style: Style) -> list[str]:
    mark, role = steps.MARKS[step.action]
    sign = f"{mark}{'?' if step.predicted else ' '}"
    first = f"    {style.paint(role, sign)} "
    return style.paragraph(f"{_subject(step)}{_change(step)}{why}", first=first, rest=" " * 9)


def _subject(step: Step) -> str:
    """The mark says what is done; only the thing is named."""
    return " ".join(part for part in (step.key.kind, step.key.subject) if part)


def _change(step: Step) -> str:
    match step.action:
        case Action.REBOOT:
            return ""
        case Action.CREATE:
            return f": {step.after}"
        case Action.REMOVE:
            return f": {step.before}"
        case _:
            return f": {step.before} -> {step.after}"
