"""How a plan goes over the hosts of a site: in which order, how many at once, and after how many failures no further.

Boundary: values that are approved and saved with the plan; the engine obeys them. Targets that no rollout names (a
cluster's API) stand under nobody's budget: they wait for what they need.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gpucarve.model.hosts import Target


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A host that the plan was made without, and why: it gave no answer, or a check found something in the way."""

    target: Target
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SiteRollout:
    """One site's order and budget.

    `hosts` are those that the plan is about, in the document's order, with those left out. The first `canary` of them
    that have something to do must end well before another begins, `max_unavailable` are under way at most, and once
    `max_failures` have failed none begins any more. A host left out is a failure.
    """

    site: str
    hosts: tuple[Target, ...]
    canary: int = 1
    max_unavailable: int = 1
    max_failures: int = 1
    left_out: tuple[LeftOut, ...] = ()

    def without(self, reasons: Mapping[Target, Sequence[str]]) -> SiteRollout:
        """The same, with these of its hosts left out."""
        left_out = tuple(LeftOut(target, tuple(reasons[target])) for target in self.hosts if target in reasons)
        return replace(self, left_out=left_out)

    @property
    def exhausted(self) -> bool:
        """Whether so many hosts are left out that none may begin."""
        return len(self.left_out) >= self.max_failures
