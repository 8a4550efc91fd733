"""Where the twin answers otherwise than the kernel, knowingly: a closed list, each with its reason.

An entry that no run needs any more is a failure of the test: then the difference is gone, and so must be the entry.

Boundary: data.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.kernel.alike.answers import Part


@dataclass(frozen=True, slots=True)
class Difference:
    """`covers` a scene's part: its kernel answer and the twin's."""

    name: str
    why: str
    covers: Callable[[str, Part, Part], bool]


DIFFERENCES: tuple[Difference, ...] = ()
