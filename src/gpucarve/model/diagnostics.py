"""What is wrong in a text somebody wrote: where, what, why and what to do.

Boundary: values; the spec collects them, the faces print them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """An error stops the verb; a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a text: file as the user named it, line and column from 1, and how many characters it spans."""

    file: str
    line: int
    column: int
    length: int = 1


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem. `path` is the way through the document (`sites[0].pools[1].cut`), `excerpt` the line itself."""

    severity: Severity
    message: str
    position: Position
    excerpt: str = ""
    path: str = ""
    hint: str = ""
