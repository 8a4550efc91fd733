"""What is wrong in a text somebody wrote: where, what, why and what to do.

Boundary: values, and their one form as text; the spec collects them, the faces print them.
"""

from __future__ import annotations

import unicodedata
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
    """One problem. `path` is the way through the document (`sites[0].pools[1].cut`), `excerpt` the line itself.

    Of a very long line the excerpt is the part around the problem; `excerpt_column` is where that part begins.
    """

    severity: Severity
    message: str
    position: Position
    excerpt: str = ""
    path: str = ""
    hint: str = ""
    excerpt_column: int = 1


def render(diagnostic: Diagnostic) -> str:
    """The problem as lines of plain text: place and message, the line with a caret under it, path and hint."""
    position = diagnostic.position
    place = f"{position.file}:{position.line}:{position.column}"
    lines = [f"{place}: {diagnostic.severity.value}: {diagnostic.message}", *_marked(diagnostic)]
    gutter = " " * len(str(position.line))
    if diagnostic.path:
        lines.append(f" {gutter} = at {_printable(diagnostic.path)}")
    if diagnostic.hint:
        lines.append(f" {gutter} = hint: {diagnostic.hint}")
    return "\n".join(lines)


def _marked(diagnostic: Diagnostic) -> list[str]:
    """The excerpt and, below it, carets as wide as a terminal draws what they mark."""
    excerpt, position = _printable(diagnostic.excerpt), diagnostic.position
    if not excerpt.strip():
        return []
    start = position.column - diagnostic.excerpt_column
    number = str(position.line)
    pad = " " * _width(excerpt[:start])
    carets = "^" * max(_width(excerpt[start : start + position.length]), 1)
    return [f" {number} | {excerpt}", f" {' ' * len(number)} | {pad}{carets}"]


def _printable(text: str) -> str:
    return "".join(
        char if char.isprintable() else " " if char == "\t" else "\N{REPLACEMENT CHARACTER}" for char in text
    )


def _width(text: str) -> int:
    """Columns on a terminal: two for East Asian wide characters, none for marks that combine."""
    return sum(0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF") for char in text)
