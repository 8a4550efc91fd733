"""What was done to a simulated host: its lines, and how many of each kind.

Boundary: pure.
"""

from __future__ import annotations

from collections.abc import Sequence

from gpucarve.cli.views.text import count, printable
from gpucarve.twin.history import Deed, Kind


def lines(done: Sequence[Deed]) -> list[str]:
    """A line each, with its time."""
    return [f"{each.time:9.1f}  {printable(each.text)}" for each in done]


def summary(done: Sequence[Deed]) -> str:
    """`12 commands, 5 files, 2 reboots`."""
    tally = [(kind, sum(each.kind is kind for each in done)) for kind in Kind]
    return ", ".join(count(number, kind.value) for kind, number in tally if number) or "nothing was done"
