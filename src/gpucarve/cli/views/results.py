"""How a run ended: a line for each host that did not get there, and what to do.

Boundary: pure.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from gpucarve.cli.views import documents, steps
from gpucarve.cli.views.text import Role, Style, count
from gpucarve.engine.converge import Result
from gpucarve.engine.endings import Ending, Outcome
from gpucarve.model.findings import Finding
from gpucarve.model.hosts import Target
from gpucarve.plan.plans import Purpose

_NEXT = {
    Outcome.REFUSED: "put right what it names, then run the same command again, or go back with `gpucarve rollback`",
    Outcome.DIVERGED: "look at the new plan with `gpucarve plan`, then apply it",
    Outcome.FAILED: "put right what it names, then run the same command again, or go back with `gpucarve rollback`",
    Outcome.BLOCKED: "put right what it waits for, then run the same command again",
    Outcome.HELD: "put right what the hosts that failed report, then run the same command again",
    Outcome.LEFT_OUT: "put right what it names, then run the same command again",
    Outcome.PAUSED: "run the same command again: it goes on where it was",
    Outcome.LOCKED: "wait for the other controller, or use --take-over when it is known to be dead",
    Outcome.OVERTAKEN: "another controller goes on from here; nothing more was written by this one",
    Outcome.UNREACHABLE: "run the same command again when the host answers: it goes on where it was",
    Outcome.NO_PERMISSION: "get the right to do it, then run the same command again",
}
NOTHING = {
    Purpose.APPLY: "Nothing to do: what the document asks for stands.",
    Purpose.ROLLBACK: "Nothing to do: no host holds a change of gpucarve's.",
    Purpose.ADOPT: "Nothing to do: nobody else made a vGPU that the document asks for.",
}
_DONE = {Purpose.APPLY: "applied", Purpose.ROLLBACK: "rolled back", Purpose.ADOPT: "adopted"}


def render(result: Result, purpose: Purpose, style: Style) -> str:
    """The summary."""
    total = len(result.endings)
    done = sum(ending.outcome is Outcome.DONE for ending in result.endings.values())
    word = _DONE[purpose]
    head = f"{word.capitalize()}: {count(total, 'host')}." if done == total else f"{done} of {total} hosts {word}."
    lines = style.paragraph(head, role=Role.GOOD if done == total else Role.BAD)
    alike: defaultdict[Ending, list[Target]] = defaultdict(list)
    for target, ending in result.endings.items():
        if ending.outcome is not Outcome.DONE:
            reasons = tuple(steps.without(target, each) for each in ending.reasons)
            alike[Ending(ending.outcome, reasons)].append(target)
    for ending, targets in alike.items():
        lines += style.paragraph(", ".join(map(str, targets)) + f": {ending.outcome.value}", rest="  ", role=Role.BAD)
        rows = [*(("why", each) for each in ending.reasons), ("next", _next(ending.outcome, purpose))]
        lines += style.table(rows, indent="  ")
    return "\n".join(lines)


def _next(outcome: Outcome, purpose: Purpose) -> str:
    """What to do; who is on the way back is not told to go back."""
    return _NEXT[outcome].partition(", or go back")[0] if purpose is Purpose.ROLLBACK else _NEXT[outcome]


def data(result: Result | None, purpose: Purpose, found: tuple[Finding, ...]) -> dict[str, Any]:
    """The body of `Result`; `run` is null where nothing was to do."""
    endings = result.endings if result else {}
    return {
        "purpose": purpose.value,
        "run": result.run if result else None,
        "done": result is None or result.done,
        "targets": [
            {"target": str(target), "outcome": ending.outcome.value, "reasons": list(ending.reasons)}
            for target, ending in endings.items()
        ],
        **documents.findings(found),
    }
