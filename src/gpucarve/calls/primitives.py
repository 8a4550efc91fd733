"""The calls on a host: small enough that a shell line, a simulated machine or a recording can answer each.

Patterns are shell patterns (`*`, `?`, `[...]`) over absolute paths; a `*` never matches a slash or a leading dot.
Deadlines are in seconds. `Read` calls change nothing; `Write` calls happen only inside a `Program`.

Boundary: values with their own limits checked; knows nothing of GPUs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from gpucarve.calls.replies import Done, Exited, Files, Holders, Instant, Links, PathStatuses
from gpucarve.calls.secret import Secret

R_co = TypeVar("R_co", covariant=True)

KIB = 1024


class Call(Generic[R_co]):
    """Type tag: a call whose successful reply is an `R`; any call may be answered by a `Failure` instead."""

    __slots__ = ()


class Read(Call[R_co]):
    """A call that changes nothing."""

    __slots__ = ()


class Write(Call[R_co]):
    """A call that may change the host."""

    __slots__ = ()


class Pause(Call[R_co]):
    """A call about time, answered by whoever runs the flow."""

    __slots__ = ()


def _check_paths(paths: tuple[str, ...]) -> None:
    for path in paths:
        if not path.startswith("/") or "\0" in path or "/../" in f"{path}/":
            raise ValueError(f"{path!r} is not an absolute path without '..'")


def _check_argv(argv: tuple[str, ...]) -> None:
    if not argv or not argv[0] or any("\0" in word for word in argv):
        raise ValueError(f"{argv!r} is not a command line")


@dataclass(frozen=True, slots=True)
class ReadFiles(Read[Files]):
    """Read every regular file that a pattern matches, links followed, at most `limit` bytes of each."""

    patterns: tuple[str, ...]
    limit: int = 64 * KIB

    def __post_init__(self) -> None:
        _check_paths(self.patterns)


@dataclass(frozen=True, slots=True)
class ReadLinks(Read[Links]):
    """Read the text of every symbolic link that a pattern matches."""

    patterns: tuple[str, ...]

    def __post_init__(self) -> None:
        _check_paths(self.patterns)


@dataclass(frozen=True, slots=True)
class Stat(Read[PathStatuses]):
    """Kind, mode and owner of everything a pattern matches, links not followed."""

    patterns: tuple[str, ...]

    def __post_init__(self) -> None:
        _check_paths(self.patterns)


@dataclass(frozen=True, slots=True)
class FindHolders(Read[Holders]):
    """Find the processes that have open a path starting with one of `prefixes` (`/dev/vfio/`).

    REFUSED for a user who cannot look into all of them: a part of the answer would look like the whole.
    """

    prefixes: tuple[str, ...]

    def __post_init__(self) -> None:
        _check_paths(self.prefixes)


@dataclass(frozen=True, slots=True)
class Inspect(Read[Exited]):
    """Run a command that changes nothing, with LC_ALL=C; `stdin` is what it reads, a program of ours perhaps."""

    argv: tuple[str, ...]
    deadline: float = 30.0
    limit: int = 1024 * KIB
    stdin: bytes = b""

    def __post_init__(self) -> None:
        _check_argv(self.argv)


@dataclass(frozen=True, slots=True)
class Run(Write[Exited]):
    """Run a command that may change the host, with LC_ALL=C; a secret goes to `stdin`, never into `argv`."""

    argv: tuple[str, ...]
    stdin: bytes | Secret = b""
    deadline: float = 60.0
    limit: int = 1024 * KIB

    def __post_init__(self) -> None:
        _check_argv(self.argv)


@dataclass(frozen=True, slots=True)
class WriteFile(Write[Done]):
    """Replace a file's content atomically and durably, following a link to the file it names.

    Mode and owner stay as they are; a new file gets `mode` and root. The directory must exist.
    """

    path: str
    content: bytes | Secret
    mode: int = 0o644

    def __post_init__(self) -> None:
        _check_paths((self.path,))


@dataclass(frozen=True, slots=True)
class WriteValue(Write[Done]):
    """Write a value into an existing sysfs or procfs attribute with one write(2)."""

    path: str
    value: str
    deadline: float = 30.0

    def __post_init__(self) -> None:
        _check_paths((self.path,))


@dataclass(frozen=True, slots=True)
class MakeLink(Write[Done]):
    """Make a symbolic link; EXISTS when something stands there."""

    path: str
    target: str

    def __post_init__(self) -> None:
        _check_paths((self.path,))


@dataclass(frozen=True, slots=True)
class Remove(Write[Done]):
    """Remove a file, a link or an empty directory; ABSENT when nothing is there, EXISTS for a directory in use."""

    path: str

    def __post_init__(self) -> None:
        _check_paths((self.path,))


@dataclass(frozen=True, slots=True)
class Claim(Write[Done]):
    """Record on the target that we own resource `key`, with `record` (JSON) and copies of `preserve` as they stand.

    The first claim wins: when one is there already, nothing is written and the reply is `Done`. The copies keep
    content, mode and owner, or that there was nothing; they are synced before the call is answered.
    """

    key: str
    record: str
    preserve: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_key(self.key)
        _check_paths(self.preserve)


@dataclass(frozen=True, slots=True)
class Restore(Write[Done]):
    """Put `path` back as the claim of `key` preserved it: content, mode, owner, or nothing; ABSENT without a copy."""

    key: str
    path: str

    def __post_init__(self) -> None:
        _check_key(self.key)
        _check_paths((self.path,))


@dataclass(frozen=True, slots=True)
class Disown(Write[Done]):
    """Forget the claim of `key` with its copies; `Done` also when there is none."""

    key: str

    def __post_init__(self) -> None:
        _check_key(self.key)


@dataclass(frozen=True, slots=True)
class Sleep(Pause[Done]):
    """Let time pass, in seconds, by the clock of whoever answers."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Now(Pause[Instant]):
    """The time, by the clock of whoever answers."""


def _check_key(key: str) -> None:
    if not key or "/" in key or key.startswith(".") or not key.isprintable() or " " in key or len(key) > 200:
        raise ValueError(f"{key!r} is not the local part of a resource key")


HostRead = ReadFiles | ReadLinks | Stat | FindHolders | Inspect
HostWrite = Run | WriteFile | WriteValue | MakeLink | Remove | Claim | Restore | Disown
