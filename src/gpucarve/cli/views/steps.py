"""What steps, stages and purposes are called, and the sign of each action.

Boundary: names alone.
"""

from __future__ import annotations

from gpucarve.cli.views.text import Role
from gpucarve.model.changes import Action
from gpucarve.model.hosts import Target
from gpucarve.plan.plans import Purpose, Step
from gpucarve.resources.order import Stage

MARKS = {
    Action.CREATE: ("+", Role.GOOD),
    Action.CHANGE: ("~", Role.WARN),
    Action.REMOVE: ("-", Role.BAD),
    Action.REBOOT: ("!", Role.BAD),
    Action.WAIT: (".", Role.FAINT),
    Action.ADOPT: ("=", Role.GOOD),
    Action.RELEASE: ("-", Role.FAINT),
}
VERBS = {Purpose.APPLY: "apply", Purpose.ROLLBACK: "roll back", Purpose.ADOPT: "adopt"}


_SPELT = {"GPU": "GPU", "MIG": "MIG", "VGPUS": "vGPUs"}


def name(step: Step) -> str:
    """`create vgpu 0000:65:00.0#0`; a reboot is just that."""
    kind = "" if step.key.kind == step.action.value else step.key.kind
    return " ".join(part for part in (step.action.value, kind, step.key.subject) if part)


def title(stage: Stage) -> str:
    """`enable virtual functions`."""
    return " ".join(_SPELT.get(word, word.lower()) for word in stage.name.split("_"))


def without(target: Target, reason: str) -> str:
    """The reason, on a line that names the host already."""
    return reason.removeprefix(f"{target}: ")
