"""Bytes to lines of text that a YAML parser may be shown.

Boundary: size, encoding and characters. Positions count characters, as an editor does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from gpucarve.spec.problems import MOST_SHOWN, Problem
from gpucarve.spec.tree import Span

LARGEST = 1024 * 1024
_LINE_END = re.compile(r"\r\n|\r|\n")
# What YAML calls printable, less the line ends that no editor shows as one (NEL, LS, PS) and the byte order mark.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_TAB_INDENT = re.compile(r"^ *\t[ \t]*(?=\S)")


@dataclass(frozen=True, slots=True)
class Text:
    """A document's text, its lines, and what stands in the way of reading it."""

    text: str
    lines: tuple[str, ...]
    problems: tuple[Problem, ...]


def read(source: str | bytes) -> Text:
    """Decode and look at every character once."""
    if len(source) > LARGEST:
        message = f"the document is longer than {LARGEST // 1024**2} MiB; at most that much is read"
        return _unreadable(message, "split the fleet into several documents")
    if isinstance(source, bytes):
        try:
            text = source.decode("utf-8")
        except UnicodeDecodeError as error:
            return _bad_utf8(source, error)
    else:
        text = source
    text = text.removeprefix("\ufeff")
    lines = tuple(_LINE_END.split(text))
    found = (problem for number, line in enumerate(lines, 1) for problem in _line(number, line))
    problems = tuple(islice(found, MOST_SHOWN + 1))
    return Text(text, lines, problems)


def _line(number: int, line: str) -> Iterator[Problem]:
    if tab := _TAB_INDENT.match(line):
        column = tab[0].index("\t") + 1
        message = "this line is indented with a tab"
        yield Problem(Span(number, column), (), message, "indent with spaces, two a level")
    for match in _FORBIDDEN.finditer(line):
        message = f"the character U+{ord(match[0]):04X} cannot stand in a document"
        yield Problem(Span(number, match.start() + 1), (), message, "remove it; it is invisible in most editors")


def _bad_utf8(source: bytes, error: UnicodeDecodeError) -> Text:
    before = _LINE_END.split(source[: error.start].decode("utf-8"))
    span = Span(len(before), len(before[-1].removeprefix("\ufeff")) + 1)
    message = f"the byte 0x{source[error.start]:02x} is not UTF-8"
    lines = (*before[:-1], before[-1] + "\N{REPLACEMENT CHARACTER}")
    return Text("", lines, (Problem(span, (), message, "save the file as UTF-8"),))


def _unreadable(message: str, hint: str) -> Text:
    return Text("", (), (Problem(Span(1, 1), (), message, hint),))
