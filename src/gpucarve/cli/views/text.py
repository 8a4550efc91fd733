"""Lines of text that fit a terminal, with or without colour.

Boundary: pure. Words are never broken; what a terminal would take for a command is made visible instead.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

_SGR = re.compile(r"\x1b\[[0-9;]*m")


class Role(Enum):
    """What a piece of text says; the value is its SGR parameter."""

    GOOD = "32"
    BAD = "31"
    WARN = "33"
    HEAD = "1"
    FAINT = "2"


@dataclass(frozen=True, slots=True)
class Style:
    """How to write: columns, and whether colours may be used."""

    width: int = 100
    colour: bool = False

    def paint(self, role: Role, text: str) -> str:
        """The text in the role's colour."""
        return f"\x1b[{role.value}m{text}\x1b[0m" if self.colour and text else text

    def paragraph(self, text: str, *, first: str = "", rest: str | None = None, role: Role | None = None) -> list[str]:
        """The text wrapped; `first` stands before its first line, `rest` before the others."""
        lead = len(_SGR.sub("", first))
        indent = " " * lead if rest is None else rest
        wrapped = textwrap.wrap(
            printable(text),
            self.width,
            initial_indent="." * lead,
            subsequent_indent="." * len(indent),
            break_long_words=False,
            break_on_hyphens=False,
        )
        bare = [line[lead if number == 0 else len(indent) :] for number, line in enumerate(wrapped or [""])]
        painted = [self.paint(role, line) if role else line for line in bare]
        return [(first if number == 0 else indent) + line for number, line in enumerate(painted)]

    def table(self, rows: Sequence[tuple[str, str]], *, indent: str = "") -> list[str]:
        """Two columns; the second is wrapped beside the first, or below it where that leaves too little room."""
        widest = max((len(label) for label, _ in rows), default=0)
        lines: list[str] = []
        for label, text in rows:
            if self.width - len(indent) - widest - 2 < 20:
                lines += [f"{indent}{label}", *self.paragraph(text, first=f"{indent}  ")]
            else:
                lines += self.paragraph(text, first=f"{indent}{label:<{widest}}  ")
        return lines


def printable(text: str) -> str:
    """The text with control characters made visible and line ends as blanks."""
    return "".join(
        char if char.isprintable() else " " if char in "\n\t\r" else "\N{REPLACEMENT CHARACTER}" for char in text
    )


def count(number: int, noun: str) -> str:
    """`1 step`, `2 steps`."""
    return f"{number} {noun}" + ("" if number == 1 else "s")
