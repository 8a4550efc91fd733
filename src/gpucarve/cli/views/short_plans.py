"""A plan in short: host by host and stage by stage, a line a step.

What an approval needs and has no room here (what each prediction assumes, how each step is undone) is the long form's,
`-o wide`; what is disturbed and what has no way back stands below both.

Boundary: pure; `plans` puts it between its head and its summary.
"""

from __future__ import annotations

from gpucarve.cli.views import steps
from gpucarve.cli.views.text import Role, Style
from gpucarve.model.changes import Action
from gpucarve.plan.plans import Plan, StagePlan, Step


def body(plan: Plan, style: Style) -> list[str]:
    """The lines between head and summary."""
    lines: list[str] = []
    for target in dict.fromkeys(stage.target for stage in plan.stages):
        lines += ["", style.paint(Role.HEAD, str(target))]
        for stage in plan.stages:
            if stage.target == target:
                lines += _stage(stage, style)
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
