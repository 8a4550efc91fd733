"""Kernel arguments in the line that holds them: of a boot loader entry, or of /etc/kernel/cmdline.

Boundary: text in, text out; what GRUB's variables stand for is the caller's to know.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence

from gpucarve.resources.host.command_line import key_of, values_of

ENTRY = re.compile(r"^(options[ \t]+)(.*)$", re.M)
WHOLE = re.compile(r"\A()([^\n]*)")  # of /etc/kernel/cmdline grubby reads the first line, and writes that alone


def without(tokens: Iterable[str], keys: Collection[str]) -> tuple[str, ...]:
    """The tokens of all other keys, in order."""
    return tuple(token for token in tokens if key_of(token) not in keys)


def put_back(now: str, kept: str, line: re.Pattern[str], keys: Collection[str], expanded: Callable[[str], str]) -> str:
    """The text as it was kept, where nothing but our keys has changed since; else as it is now, with only our keys'
    tokens as they were kept. grubby moves what it changes to the end, so places say nothing."""
    if _others(now, line, keys, expanded) == _others(kept, line, keys, expanded):
        return kept
    return with_values(now, line, keys, values_of(_words(kept, line), keys))


def with_values(text: str, line: re.Pattern[str], keys: Collection[str], values: Sequence[str]) -> str:
    """The text with these tokens for our keys, at the end of the line; untouched where they are there already."""
    words = _words(text, line)
    if values_of(words, keys) == tuple(values):
        return text
    changed = " ".join((*without(words, keys), *values))
    return line.sub(lambda match: f"{match[1]}{changed}", text, count=1)


def _words(text: str, line: re.Pattern[str]) -> list[str]:
    found = line.search(text)
    return found[2].split() if found else []


def _others(
    text: str, line: re.Pattern[str], keys: Collection[str], expanded: Callable[[str], str]
) -> tuple[str, tuple[str, ...]]:
    words = expanded(" ".join(_words(text, line))).split()
    return line.sub("", text, count=1).rstrip("\n"), without(words, keys)
