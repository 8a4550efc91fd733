"""What happens during a run, a line each.

Boundary: pure; where the lines go, and what stands below them on a terminal, is `progress`'.
"""

from __future__ import annotations

from collections.abc import Sequence

from gpucarve.cli.views import steps
from gpucarve.cli.views.text import Role, Style, printable
from gpucarve.engine.events import (
    Begun,
    Event,
    Gathered,
    Queued,
    StageBegun,
    StepBegun,
    StepEnded,
    TargetEnded,
    Waiting,
)
from gpucarve.model.hosts import Target


def line(event: Event, style: Style) -> str:
    """One event."""
    match event:
        case Queued(target):
            return f"{target}  {style.paint(Role.FAINT, 'waits for its turn')}"
        case Begun(target):
            return f"{target}  {style.paint(Role.HEAD, 'begins')}"
        case Gathered(target):
            return f"{target}  {style.paint(Role.FAINT, 'looked at')}"
        case StageBegun(stage):
            return f"{stage.target}  {style.paint(Role.HEAD, f'stage: {steps.title(stage.stage)}')}"
        case StepBegun(step):
            return f"{step.key.target}    {steps.name(step)} …"
        case StepEnded(step, outcome, detail):
            role = Role.GOOD if outcome == "done" else Role.BAD
            return f"{step.key.target}    {steps.name(step)}: {style.paint(role, outcome)}{_because(detail)}"
        case Waiting(target, reason):
            return f"{target}  {style.paint(Role.WARN, 'waits')}: {printable(reason)}"
        case TargetEnded(target, outcome, detail):
            role = Role.GOOD if outcome == "done" else Role.BAD
            return f"{target}  {style.paint(role, f'ended: {outcome}')}{_because(_reasons(target, detail))}"


def _reasons(target: Target, detail: Sequence[str]) -> str:
    return "; ".join(steps.without(target, each) for each in detail)


def _because(detail: str) -> str:
    return f" ({printable(detail)})" if detail else ""
