"""Where sources contradict each other, and which of them the data follows.

Boundary: rows for messages and for readers; the data itself is settled.
"""

from __future__ import annotations

from dataclasses import dataclass

from gpucarve.catalog import loader


@dataclass(frozen=True, slots=True)
class Disagreement:
    """What is said differently about entries of a table; `keys` are their names or ids."""

    table: str
    keys: tuple[str, ...]
    text: str
    source: str | None = None


def disagreements() -> tuple[Disagreement, ...]:
    """Every contradiction found."""
    return loader.entries("disagreements", Disagreement)


def about(table: str, key: str) -> tuple[Disagreement, ...]:
    """Those about one entry."""
    return tuple(each for each in disagreements() if each.table == table and key in each.keys)
