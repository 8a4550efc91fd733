"""What a claim says about boots: the line by which the boot script makes the thing stand again.

A line is a verb and words, kept in a claim's record as `"boot": "vgpu UUID FUNCTION"`. Its characters are few, so that
a shell can read it out of JSON exactly.

Boundary: the grammar and the order. The script in `boot/boot.sh` and the simulated machine's boot both go by it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

FIELD = "boot"
# The order in which a boot asserts them: `resources.order` in the shape that a boot needs.
VERBS = ("passthrough", "mig-mode", "virtual-functions", "gpu-instance", "vgpu")
_LINE = re.compile(r"[A-Za-z0-9:._+-]+( [A-Za-z0-9:._+-]+)*")


def line(verb: str, *words: object) -> str:
    """One line. Raises ValueError for an unknown verb, and for a word that the boot script would refuse."""
    text = " ".join((verb, *map(str, words)))
    if verb not in VERBS or not words or not _LINE.fullmatch(text):
        raise ValueError(f"{text!r} is no boot line")
    return text


def of(claims: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The lines of claims' records, in their order; what is not text is passed over."""
    return tuple(text for record in claims if isinstance(text := record.get(FIELD), str))
