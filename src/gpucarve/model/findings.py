"""A check's answer about a machine: it holds, it differs, or it cannot be known.

Boundary: values; checks and layout make them, the faces print them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from gpucarve.model.hosts import Target


class Verdict(Enum):
    """`UNKNOWN` is a failed or impossible read: it never leads to a write."""

    HOLDS = "holds"
    DIFFERS = "differs"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """`fact` is what was seen, `rule` why it matters, `fix` what to do; the last two are empty when it holds.

    A `warning` is told and keeps nobody from going on.
    """

    target: Target
    check: str
    verdict: Verdict
    fact: str
    rule: str = ""
    fix: str = ""
    warning: bool = False

    def sentence(self) -> str:
        """Everything in one line."""
        return f"{self.target}: {self.fact}" + "".join(f" — {part}" for part in (self.rule, self.fix) if part)
