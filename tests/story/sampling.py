"""Which of very many points a test tries: a few, spread evenly, or all of them.

GPUCARVE_POINTS is how many each test tries at most (3 without it); a number beyond all of them tries every point.
Which few these are depends on the test's name alone, so that a failure comes again.

Boundary: numbers; what happens at a point is the tests'.
"""

from __future__ import annotations

import os
from binascii import crc32
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

POINTS = int(os.environ.get("GPUCARVE_POINTS", "3"))


def some(points: Sequence[T], *names: object, share: int = 1) -> Sequence[T]:
    """Some of the points, in their order: `share` times as many as each test tries at most."""
    most = POINTS * share
    if most >= len(points):
        return points
    first = crc32(" ".join(map(str, names)).encode()) % len(points)
    chosen = {(first + number * len(points) // most) % len(points) for number in range(most)}
    return [points[number] for number in sorted(chosen)]
