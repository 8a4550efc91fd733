"""Keeps what looks like a secret out of the excerpts that diagnostics show.

Boundary: names of keys and the lines of the document. The grammar has no place for a secret; somebody may still put
one there, and a diagnostic ends up in terminals and in the logs of continuous integration.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

_SECRET = re.compile(r"pass(word|phrase|wd)?$|secret|token|api[_-]?key|private[_-]?key|credential", re.IGNORECASE)
_KEY = re.compile(r"([\w-]+)[\"']?\s*:\s*")


class Region(NamedTuple):
    """A stretch of text: from a line and column to the place just after its end, all counted from 1."""

    line: int
    column: int
    end_line: int
    end_column: int


def is_secret(key: str) -> bool:
    """Whether a value under this key is likely one that must not be shown."""
    return _SECRET.search(key) is not None


def masked(lines: Sequence[str], secrets: Iterable[Region]) -> tuple[str, ...]:
    """The lines with stars for the secrets, columns kept."""
    shown = list(lines)
    for number, stretches in _by_line(secrets, len(lines)).items():
        line = shown[number - 1]
        parts, done = [], 0
        for start, end in stretches:
            stop = len(line) if end is None else min(end, len(line))
            parts += [line[done:start], "*" * (stop - start)]
            done = stop
        shown[number - 1] = "".join((*parts, line[done:]))
    return tuple(shown)


def _by_line(secrets: Iterable[Region], count: int) -> dict[int, list[tuple[int, int | None]]]:
    """Offsets to hide on each line that has some, in order; None for the end of the line."""
    found: dict[int, list[tuple[int, int | None]]] = {}
    for secret in secrets:
        for number in range(secret.line, min(secret.end_line, count) + 1):
            start = secret.column - 1 if number == secret.line else 0
            end = secret.end_column - 1 if number == secret.end_line else None
            found.setdefault(number, []).append((start, end))
    return found


def guarded(lines: Sequence[str]) -> tuple[str, ...]:
    """The lines of a document that cannot be read to its end: stars from the first likely secret of a line on."""
    return tuple(_guarded(line) for line in lines)


def _guarded(line: str) -> str:
    for key in _KEY.finditer(line):
        if is_secret(key[1]):
            return line[: key.end()] + "*" * (len(line) - key.end())
    return line
