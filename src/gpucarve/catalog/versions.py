"""Versions as they are compared: drivers, CUDA, operators, Nova.

Boundary: dotted numbers of at most four parts, with or without a leading `v` and a word for a pre-release after a
hyphen. What a version brings is the other modules' to say.
"""

from __future__ import annotations

import re

_VERSION = re.compile(r"v?(?P<numbers>[0-9]{1,6}(?:\.[0-9]{1,6}){0,3})(?P<pre>-[0-9A-Za-z.]{1,32})?")

Version = tuple[int, ...]


def key(text: str) -> Version:
    """What sorts a version: `16.10` is after `16.9`, `580` equals `580.0`, `1.9.0-beta` is before `1.9.0`.

    Raises ValueError on anything else.
    """
    match = _VERSION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a version such as 535.104.05")
    numbers = [int(part) for part in match["numbers"].split(".")]
    return (*numbers, *[0] * (4 - len(numbers)), -1 if match["pre"] else 0)


def line(text: str, parts: int) -> str:
    """The first parts of a version: `26.3` of `26.3.2`. Raises ValueError."""
    return ".".join(str(number) for number in key(text)[:parts])
