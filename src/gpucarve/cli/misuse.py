"""A wrong use that only a verb can see: a missing file, a missing terminal, options that exclude each other.

Boundary: an exception; `running` tells of it and of click's own.
"""

from __future__ import annotations

import click


class Misuse(click.UsageError):
    """`hint` is the next thing to do, in one sentence."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint
