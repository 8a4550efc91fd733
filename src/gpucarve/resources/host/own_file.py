"""A configuration file that is ours alone: a first line that says so, then lines of one form.

Boundary: content in, content or a guard out. A file of that name in any other form is somebody else's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from gpucarve.calls.predicates import Absent, Predicate, Sha256

_HEADER = "# Written by gpucarve"


def content(why: str, lines: Iterable[str]) -> bytes:
    """The whole file."""
    return "\n".join((f"{_HEADER}: {why}", *lines, "")).encode()


def is_ours(found: bytes, form: re.Pattern[str]) -> bool:
    """Whether a file is one that `content` made, every line of the form."""
    first, *lines = found.decode("utf-8", "replace").split("\n")
    return first.startswith(f"{_HEADER}: ") and lines[-1:] == [""] and all(map(form.fullmatch, lines[:-1]))


def as_found(path: str, found: bytes | None) -> Predicate:
    """What holds while the file is as it was found; None for no file."""
    return Absent(path) if found is None else Sha256.of(path, found)
