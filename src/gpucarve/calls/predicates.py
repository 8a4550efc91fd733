"""Conditions on raw reads of a host: the closed set that guards and preconditions are made of.

Each says what must be found at one path. They are data: the shell compiler turns them into tests, the twin and
`holds` judge them from the reply to the read that `probe` names.

Boundary: no knowledge of what the paths mean.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from gpucarve.calls.primitives import ReadFiles, ReadLinks, Stat
from gpucarve.calls.replies import Failure, Files, Links, PathStatuses, Reply

_DIGITS = 18  # what a guard compares with has no more, so a longer number is larger
GUARDED_BYTES = 4 * 1024 * 1024  # the largest file a guard digests


@dataclass(frozen=True, slots=True)
class Equals:
    """The file's text, without trailing line ends, is `value`."""

    path: str
    value: str


@dataclass(frozen=True, slots=True)
class Absent:
    """Nothing is there, not even a dangling link."""

    path: str


@dataclass(frozen=True, slots=True)
class LinksTo:
    """The path is a symbolic link that holds exactly `target`."""

    path: str
    target: str


@dataclass(frozen=True, slots=True)
class AtLeast:
    """The file's text is a decimal integer of at least `value`, which has at most 18 digits."""

    path: str
    value: int


@dataclass(frozen=True, slots=True)
class Sha256:
    """The file's content has this digest (64 hexadecimal digits, lower case)."""

    path: str
    digest: str

    @classmethod
    def of(cls, path: str, content: bytes) -> Sha256:
        """The predicate that `content` at `path` satisfies."""
        return cls(path, hashlib.sha256(content).hexdigest())


Predicate = Equals | Absent | LinksTo | AtLeast | Sha256


def probe(predicate: Predicate) -> ReadFiles | ReadLinks | Stat:
    """The read that decides the predicate. Its path is taken as a literal, so it must hold no pattern characters."""
    match predicate:
        case Absent(path):
            return Stat((path,))
        case LinksTo(path, _):
            return ReadLinks((path,))
        case Equals(path, _) | AtLeast(path, _) | Sha256(path, _):
            return ReadFiles((path,), limit=GUARDED_BYTES)


def holds(predicate: Predicate, reply: Reply) -> bool:
    """Whether the reply to `probe(predicate)` satisfies it; a failed or cut-off read satisfies nothing."""
    match predicate, reply:
        case _, Failure():
            return False
        case Absent(), PathStatuses(entries):
            return not entries
        case LinksTo(path, target), Links() as links:
            return links.by_path().get(path) == target
        case Equals() | AtLeast() | Sha256(), Files(entries):
            if len(entries) != 1 or entries[0].failure or entries[0].truncated:
                return False
            return _content_holds(predicate, entries[0].content)
        case _:
            return False


def _content_holds(predicate: Predicate, content: bytes) -> bool:
    match predicate:
        case Equals(_, value):
            return content.rstrip(b"\n") == value.encode()
        case AtLeast(_, value):
            text = content.rstrip(b"\n")
            digits = text.lstrip(b"0")
            return text.isdigit() and (len(digits) > _DIGITS or int(digits or b"0") >= value)
        case Sha256(_, digest):
            return hashlib.sha256(content).hexdigest() == digest
        case _:
            return False
