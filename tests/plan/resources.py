"""A resource that says what it is told to, so that plans can be made of anything.

Boundary: stands where a thing of a host would; decides nothing by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gpucarve.calls.primitives import Remove
from gpucarve.calls.programs import Guarded
from gpucarve.facts.observed import Observed
from gpucarve.model.changes import Action
from gpucarve.model.hosts import ResourceKey, Target
from gpucarve.resources.decisions import Batch, Change, Decision, Outlook
from gpucarve.resources.order import Stage

WRITING = Batch((Guarded(Remove("/x")),))


@dataclass(frozen=True)
class Thing:
    """`says` is its decision, or makes it from the outlook."""

    key: ResourceKey
    stage: Stage
    says: Decision | Callable[[Outlook], Decision]
    needs: tuple[ResourceKey, ...] = ()

    def decide(self, _observed: Observed, outlook: Outlook) -> Decision:
        """What it was told to say."""
        return self.says(outlook) if callable(self.says) else self.says


def key(target: Target, kind: str, subject: str = "") -> ResourceKey:
    """A key."""
    return ResourceKey(target, kind, subject)


def some(action: Action = Action.CREATE, **fields: Any) -> Change:
    """A change that can be carried out, with these other fields."""
    said: dict[str, Any] = {"before": "none", "after": "some", "reason": "asked for", "work": WRITING}
    return Change(action, **(said | fields))
