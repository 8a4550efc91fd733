"""Single statements about a program's behaviour, for messages and rules that have no table of their own.

Boundary: rows as they stand in the data; which program they are about is the asking module's to know.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement. `value` or `version` is its core where it has one; `source` overrides the table's."""

    id: str
    text: str
    value: str | None = None
    version: str | None = None
    since_date: str | None = None
    source: str | None = None
