"""Why a workload cannot run here, as an exception that carries what a person is told.

Boundary: an exception.
"""

from __future__ import annotations


class Refused(Exception):
    """`fact` is what was found, `rule` why that is in the way, `fix` what to do about it."""

    def __init__(self, fact: str, rule: str, fix: str) -> None:
        super().__init__(fact)
        self.fact, self.rule, self.fix = fact, rule, fix


class Failed(Exception):
    """A call of the driver that did not do what it says; the text names the call and the driver's word for it."""
