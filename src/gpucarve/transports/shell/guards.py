"""Predicates as shell tests that hold in the same cases as `predicates.holds` on the reply to their probe.

Boundary: a predicate to a command. The tests themselves are in `fragments/guards.sh`. Two things no shell test can say
are refused here: a text with the bytes 0 or 1, and a number of more than 18 digits.
"""

from __future__ import annotations

from gpucarve.calls.predicates import Absent, AtLeast, Equals, LinksTo, Predicate, Sha256
from gpucarve.transports.shell.quoting import word


def test(predicate: Predicate) -> str:
    """The command. Raises ValueError for a predicate that has none."""
    match predicate:
        case Equals(path, value):
            if "\0" in value or "\1" in value:
                raise ValueError(f"{path}: a guard cannot compare a text with control bytes 0 or 1")
            return f"equals {word(path)} {word(value)}" if not value.endswith("\n") else "false"
        case Absent(path):
            return f"absent {word(path)}"
        case LinksTo(path, target):
            return f"links_to {word(path)} {word(target)}"
        case AtLeast(path, value):
            if abs(value) >= 10**18:
                raise ValueError(f"{path}: a guard cannot compare with a number of more than 18 digits")
            return f"at_least {word(path)} {value}"
        case Sha256(path, digest):
            return f"sha256 {word(path)} {word(digest)}"


def all_of(predicates: tuple[Predicate, ...]) -> str:
    """A command that is true when all hold, and leaves the number of those that did in `g`."""
    return "{ g=0" + "".join(f" && {test(predicate)} && g={n}" for n, predicate in enumerate(predicates, 1)) + "; }"
