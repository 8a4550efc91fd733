"""What a workload hands back.

Boundary: values that become JSON.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Outcome(NamedTuple):
    """Checks (what was compared, by whom, how many were wrong of how many), series of samples, facts beside them."""

    checks: list[dict[str, Any]]
    series: list[dict[str, Any]]
    facts: dict[str, Any]


def check(what: str, by: str, wrong: int, of: int) -> dict[str, Any]:
    """One comparison; `by` is the host or the device itself."""
    return {"what": what, "by": by, "wrong": wrong, "of": of}


def differing(left: bytes, right: bytes, size: int = 4) -> int:
    """How many items of so many bytes differ between two texts of one length."""
    if left == right:
        return 0
    return sum(left[at : at + size] != right[at : at + size] for at in range(0, max(len(left), len(right)), size))
