"""Replies of a host, written down by path; what each probe makes of them.

Boundary: builds replies; asks nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from gpucarve.calls.primitives import FindHolders, Inspect, Read, ReadFiles, ReadLinks, Stat
from gpucarve.calls.replies import (
    Exited,
    Failure,
    FailureKind,
    File,
    Files,
    Holder,
    Holders,
    Link,
    Links,
    PathKind,
    PathStatus,
    PathStatuses,
    Reply,
)
from gpucarve.facts.observed import Observed, Probe, Unknown, observe
from gpucarve.model.hosts import Target

F = TypeVar("F")
TARGET = Target("lab", "gpu-1")
Content = str | bytes | Failure | None  # None is a file that is longer than the limit

# A kernel, as it answers.
BOOT: dict[str, Content] = {
    "/proc/sys/kernel/random/boot_id": "7a0c\n",
    "/proc/cmdline": "BOOT_IMAGE=/boot/vmlinuz ro quiet\n",
    "/proc/sys/kernel/osrelease": "6.1.0-18-amd64\n",
    "/proc/cpuinfo": "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel\t\t: 85\n",
}


def reply(
    read: Read[Any],
    files: dict[str, Content],
    links: dict[str, str],
    holders: Sequence[Holder],
    folders: Sequence[str],
    commands: Mapping[str, Reply] | None = None,
) -> Reply:
    """What a host with these files, links and processes answers to one read.

    `commands` are named by their first words, the longest name wins; others are absent.
    """
    match read:
        case ReadFiles(patterns):
            return Files(tuple(_file(path, files[path]) for path in sorted(files) if _matches(path, patterns)))
        case ReadLinks(patterns):
            return Links(tuple(Link(path, links[path]) for path in sorted(links) if _matches(path, patterns)))
        case Stat(patterns):
            return PathStatuses(
                tuple(PathStatus(path, PathKind.DIRECTORY, 0o755, 0, 0) for path in folders if _matches(path, patterns))
            )
        case FindHolders():
            return Holders(tuple(holders))
        case Inspect(argv):
            line, known = f"{' '.join(argv)} ", commands or {}
            name = max((each for each in known if line.startswith(f"{each} ")), key=len, default="")
            return known.get(name, Failure(FailureKind.ABSENT, f"{argv[0]}: no such command"))
        case _:
            raise AssertionError(read)


def gathered(
    probe: Probe[F],
    files: dict[str, Content] | None = None,
    links: dict[str, str] | None = None,
    *,
    holders: Sequence[Holder] = (),
    folders: Sequence[str] = (),
    commands: Mapping[str, Reply] | None = None,
) -> F | Unknown:
    """The fact of one probe on that host."""
    replies = [reply(read, files or {}, links or {}, holders, folders, commands) for read in probe.reads]
    found: Observed = observe(TARGET, (probe,), replies)
    return found.get(probe)


def known(
    probe: Probe[F], files: dict[str, Content] | None = None, links: dict[str, str] | None = None, **more: Any
) -> F:
    """The same, where it can be known."""
    fact = gathered(probe, files, links, **more)
    assert not isinstance(fact, Unknown), fact.why
    return fact


def why(
    probe: Probe[Any], files: dict[str, Content] | None = None, links: dict[str, str] | None = None, **more: Any
) -> str:
    """Why it cannot be known."""
    fact = gathered(probe, files, links, **more)
    assert isinstance(fact, Unknown), fact
    return fact.why


def exited(text: str, *, status: int = 0, stderr: str = "") -> Exited:
    """A command that ended."""
    return Exited(status, text.encode(), stderr.encode())


def _file(path: str, content: Content) -> File:
    match content:
        case Failure():
            return File(path, failure=content)
        case None:
            return File(path, b"cut", truncated=True)
        case str():
            return File(path, content.encode())
        case bytes():
            return File(path, content)


def _matches(path: str, patterns: Sequence[str]) -> bool:
    """As a shell does: a star stops at a slash."""
    return any(
        pattern.count("/") == path.count("/")
        and all(fnmatchcase(part, wanted) for part, wanted in zip(path.split("/"), pattern.split("/"), strict=True))
        for pattern in patterns
    )
