"""How a plan goes over hosts, and where the hosts of a run are as it goes.

Boundary: plans and events in, lines out; nothing is drawn here.
"""

from __future__ import annotations

from collections.abc import Collection

from gpucarve.cli.views import steps
from gpucarve.cli.views.text import Role, Style, count, printable
from gpucarve.engine.endings import Outcome
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
from gpucarve.model.hosts import ResourceKey, Target
from gpucarve.plan.plans import Plan
from gpucarve.plan.rollouts import LeftOut, SiteRollout

_MOST = 20  # lines; a terminal shows no more at a glance


def rows(plan: Plan) -> list[tuple[str, str]]:
    """What an approval has to know of the order among hosts, and of those that are no part of it."""
    working = {step.key.target for step in plan.steps}
    orders = [order for rollout in plan.rollouts if (order := _order(rollout, working))]
    left_out = [f"{each.target}: {_why(each)}" for each in plan.left_out]
    return [*(("Rollout", text) for text in orders), *(("Left out", text) for text in left_out)]


def _order(rollout: SiteRollout, working: Collection[Target]) -> str:
    """How a site's hosts are gone over; nothing where there is no order among them."""
    hosts = [target.name for target in rollout.hosts if target in working]
    if len(hosts) < 2:
        return ""
    first = f"first {', '.join(hosts[: rollout.canary])}, then " if rollout.canary else ""
    most = f"at most {rollout.max_unavailable} at once"
    left = rollout.max_failures - len(rollout.left_out)
    return f"{rollout.site}: {first}{most}, no further after {count(left, 'failure')}"


def _why(host: LeftOut) -> str:
    return "; ".join(steps.without(host.target, reason) for reason in host.reasons)


class Scoreboard:
    """Where each of `targets` is, by the events so far."""

    def __init__(self, targets: Collection[Target]) -> None:
        self.size = len(targets)
        self._doing: dict[Target, str] = {}
        self._running: dict[ResourceKey, str] = {}
        self._ended: dict[Target, str] = {}

    def hear(self, event: Event) -> None:
        """Take note of one event."""
        match event:
            case Begun(target) | Gathered(target):
                self._doing[target] = "looks"
            case StageBegun(stage):
                self._doing[stage.target] = steps.title(stage.stage)
            case StepBegun(step):
                self._running[step.key] = steps.name(step)
                self._doing[step.key.target] = self._running_on(step.key.target)
            case StepEnded(step):
                self._running.pop(step.key, None)
                self._doing[step.key.target] = self._running_on(step.key.target) or "looks"
            case Waiting(target, reason):
                self._doing[target] = f"waits: {reason}"
            case Queued():
                pass
            case TargetEnded(target, outcome):
                self._doing.pop(target, None)
                self._ended[target] = outcome

    def lines(self, style: Style) -> list[str]:
        """A line for each host under way, in the order of their beginning, and the counts; as wide as the terminal."""
        shown = [f"{target}  {printable(text)}" for target, text in self._doing.items()]
        lines = [_cut(line, style) for line in shown[:_MOST]]
        if len(shown) > _MOST:
            lines.append(f"and {len(shown) - _MOST} more")
        return [*lines, _cut(self.counts(), style)]

    def counts(self) -> str:
        """`3 of 10 hosts done, 1 failed, 2 under way, 4 waiting`."""
        outcomes = list(self._ended.values())
        parts = [f"{outcomes.count(Outcome.DONE.value)} of {self.size} hosts done"]
        parts += [
            f"{outcomes.count(outcome.value)} {outcome.value}"
            for outcome in Outcome
            if outcome is not Outcome.DONE and outcome.value in outcomes
        ]
        waiting = self.size - len(self._doing) - len(self._ended)
        parts += [f"{len(self._doing)} under way"] if self._doing else []
        parts += [f"{waiting} waiting"] if waiting > 0 else []
        return ", ".join(parts)

    def _running_on(self, target: Target) -> str:
        return ", ".join(name for key, name in self._running.items() if key.target == target)


def counted(board: Scoreboard, style: Style) -> str:
    """The counts as a line of a log."""
    return style.paint(Role.FAINT, f"-- {board.counts()}")


def _cut(line: str, style: Style) -> str:
    return line if len(line) < style.width else line[: style.width - 2] + "…"
