"""What comes back from a call. A failed call is a typed reply too.

Boundary: values. Every transport gives the same reply to the same call on the same world; one contract suite checks it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class FailureKind(Enum):
    """The classes of failure a caller can act on; the text of the system call or tool stays in `Failure.detail`."""

    ABSENT = "absent"  # no such file, command, device or object
    EXISTS = "exists"  # it is there already
    BUSY = "busy"  # held by someone: EBUSY, a lock message
    EXHAUSTED = "exhausted"  # ENOSPC: a full disk, or no instance left
    REFUSED = "refused"  # EACCES, EPERM, a read-only file system
    INVALID = "invalid"  # EINVAL, ERANGE: the value makes no sense there
    TIMED_OUT = "timed out"  # its deadline passed; what it did is unknown
    KILLED = "killed"  # ended by a signal that was not ours
    NOT_REGULAR = "not regular"  # a directory, device or pipe where a file was meant
    CONFLICT = "conflict"  # another manager owns the field, or the version moved on
    UNREACHABLE = "unreachable"  # no answer from the endpoint; nothing was sent or nothing came back
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Failure:
    """A call that did not do what it says. `detail` is for people, bounded to 500 characters."""

    kind: FailureKind
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """A write that happened."""


@dataclass(frozen=True, slots=True)
class File:
    """One file that a pattern matched: its bytes, cut at the call's limit when `truncated`; or why it was not read."""

    path: str
    content: bytes = b""
    truncated: bool = False
    failure: Failure | None = None

    def text(self) -> str:
        """The content as text, without the line end that sysfs adds."""
        return self.content.decode("utf-8", "replace").removesuffix("\n")


@dataclass(frozen=True, slots=True)
class Files:
    """All matches of `ReadFiles`, sorted by path as bytes; a pattern without a match adds nothing."""

    entries: tuple[File, ...] = ()

    def by_path(self) -> dict[str, File]:
        """The readable ones, keyed by path."""
        return {entry.path: entry for entry in self.entries if entry.failure is None}


@dataclass(frozen=True, slots=True)
class Link:
    """One symbolic link and the text it holds."""

    path: str
    target: str


@dataclass(frozen=True, slots=True)
class Links:
    """All matches of `ReadLinks` that are symbolic links, sorted by path as bytes."""

    entries: tuple[Link, ...] = ()

    def by_path(self) -> dict[str, str]:
        """Path to link text."""
        return {entry.path: entry.target for entry in self.entries}


class PathKind(Enum):
    """What a path is, links not followed."""

    FILE = "file"
    DIRECTORY = "directory"
    LINK = "link"
    SPECIAL = "special"


@dataclass(frozen=True, slots=True)
class PathStatus:
    """Kind, permission bits (`0o644`) and numeric owner of one path, links not followed."""

    path: str
    kind: PathKind
    mode: int
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class PathStatuses:
    """All matches of `Stat`, sorted by path as bytes."""

    entries: tuple[PathStatus, ...] = ()

    def by_path(self) -> dict[str, PathStatus]:
        """Path to status."""
        return {entry.path: entry for entry in self.entries}


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that has `path` open: its id and argv (cut at 4096 bytes)."""

    path: str
    pid: int
    argv: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Holders:
    """All processes that hold something `FindHolders` asked for, sorted by (path, pid)."""

    entries: tuple[Holder, ...] = ()


@dataclass(frozen=True, slots=True)
class Exited:
    """A command that ended by itself. Output is cut at the call's limit when `truncated`."""

    status: int
    stdout: bytes = b""
    stderr: bytes = b""
    truncated: bool = False

    def text(self) -> str:
        """Standard output as text."""
        return self.stdout.decode("utf-8", "replace")

    def error_text(self) -> str:
        """Standard error as text, for a message."""
        return self.stderr.decode("utf-8", "replace").strip()

    def said(self) -> str:
        """What the command had to say, on one line of at most 300 characters: its errors, else its output."""
        return " ".join((self.error_text() or self.text()).split())[:300]


@dataclass(frozen=True, slots=True)
class Instant:
    """A monotonic time in seconds, comparable only with others of the same transport."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Object:
    """One object of a cluster's API, as plain JSON data. Treat it as frozen."""

    data: dict[str, Any] = field(default_factory=dict)

    @property
    def resource_version(self) -> str:
        """The version a later write can be made conditional on."""
        return str(self.data.get("metadata", {}).get("resourceVersion", ""))


Reply = Done | Files | Links | PathStatuses | Holders | Exited | Instant | Object | Failure
