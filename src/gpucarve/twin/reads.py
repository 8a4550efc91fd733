"""Answering the read calls on a machine.

Boundary: one call to one reply, as the machine is now; order, time and reachability are the host's.
"""

from __future__ import annotations

import errno
import math

from gpucarve.calls.primitives import FindHolders, HostRead, Inspect, ReadFiles, ReadLinks, Stat
from gpucarve.calls.replies import (
    Exited,
    Failure,
    FailureKind,
    Holder,
    Holders,
    Links,
    PathKind,
    PathStatus,
    PathStatuses,
    Reply,
)
from gpucarve.calls.replies import (
    File as FileReply,
)
from gpucarve.calls.replies import (
    Files as FilesReply,
)
from gpucarve.calls.replies import (
    Link as LinkReply,
)
from gpucarve.twin import commands
from gpucarve.twin.commands.invocation import Invocation
from gpucarve.twin.errors import KernelError
from gpucarve.twin.machine import Machine
from gpucarve.twin.nodes import Attribute, Directory, File, Link, Node, raw, shown
from gpucarve.twin.sight import view
from gpucarve.twin.views import View

_ANY_READ = 0o444
_LINK_MODE = 0o777


def answer(machine: Machine, read: HostRead, now: float) -> tuple[Machine, Reply, float]:
    """The reply, the machine after it (an inspected command might change one), and how long it took."""
    sight = view(machine)
    match read:
        case ReadFiles(patterns, limit):
            entries = (_file(sight, path, place, limit) for path, place in _matches(sight, patterns))
            return machine, FilesReply(tuple(entries)), 0.0
        case ReadLinks(patterns):
            nodes = ((path, sight.node(place)) for path, place in _matches(sight, patterns))
            return (
                machine,
                Links(tuple(LinkReply(path, node.target) for path, node in nodes if isinstance(node, Link))),
                0.0,
            )
        case Stat(patterns):
            statuses = (_status(path, sight.node(place)) for path, place in _matches(sight, patterns))
            return machine, PathStatuses(tuple(status for status in statuses if status is not None)), 0.0
        case FindHolders(prefixes):
            return machine, _holders(machine, prefixes), 0.0
        case Inspect(argv, deadline, limit, stdin):
            return inspect(machine, Invocation(argv, stdin, now), deadline, limit)


def _matches(sight: View, patterns: tuple[str, ...]) -> list[tuple[str, str]]:
    found = {path: place for pattern in patterns for path, place in sight.expand(pattern)}
    return sorted(found.items(), key=lambda match: raw(match[0]))


def _file(sight: View, path: str, place: str, limit: int) -> FileReply:
    """A file's bytes, or why they were not read."""
    try:
        node = sight.node(sight.place(place))
    except KernelError as error:
        # a link that leads round and round leads nowhere, as test(1) sees it
        kind = FailureKind.ABSENT if error.number == errno.ELOOP else error.failure().kind
        return FileReply(path, failure=Failure(kind, f"{path}: {error.text}"))
    if node is None:
        return FileReply(path, failure=Failure(FailureKind.ABSENT, f"{path}: No such file or directory"))
    if isinstance(node, Attribute) and node.read_error:
        return FileReply(path, failure=KernelError(node.read_error, path).failure())
    if not isinstance(node, File | Attribute):
        return FileReply(path, failure=Failure(FailureKind.NOT_REGULAR, f"{path}: not a regular file"))
    if not node.mode & _ANY_READ:
        return FileReply(path, failure=Failure(FailureKind.REFUSED, f"{path}: Permission denied"))
    return FileReply(path, node.content[:limit], truncated=len(node.content) > limit)


def _status(path: str, node: Node | None) -> PathStatus | None:
    match node:
        case None:
            return None
        case Link():
            return PathStatus(path, PathKind.LINK, _LINK_MODE, node.uid, node.gid)
        case File() | Attribute():
            kind = PathKind.FILE
        case Directory():
            kind = PathKind.DIRECTORY
        case _:
            kind = PathKind.SPECIAL
    return PathStatus(path, kind, node.mode, node.uid, node.gid)


def _holders(machine: Machine, prefixes: tuple[str, ...]) -> Holders:
    held = {
        Holder(path, process.pid, _cut(process.argv))
        for process in machine.up.processes.entries
        for path in process.open
        if path.startswith(prefixes)
    }
    return Holders(tuple(sorted(held, key=lambda holder: (raw(holder.path), holder.pid))))


def _cut(argv: tuple[str, ...]) -> tuple[str, ...]:
    """As much of the words as the first 4096 bytes of /proc/PID/cmdline hold."""
    content = b"".join(raw(word) + b"\0" for word in argv)[:4096]
    return tuple(shown(word) for word in content.removesuffix(b"\0").split(b"\0")) if content else ()


def inspect(
    machine: Machine, invocation: Invocation, deadline: float, limit: int
) -> tuple[Machine, Exited | Failure, float]:
    """Run a command against its deadline (whole seconds, rounded up) and cut its output at `limit` bytes."""
    try:
        ran = commands.run(machine, invocation)
    except KernelError as error:
        return machine, error.failure(), 0.0
    allowed = math.ceil(deadline)
    if ran.seconds >= allowed:
        failure = Failure(FailureKind.TIMED_OUT, f"{invocation.argv[0]}: not done after {allowed} s")
        return ran.begun or machine, failure, float(allowed)
    signal = ran.signal or (ran.exited.status - 128 if 128 < ran.exited.status <= 192 else 0)
    if signal:
        return ran.machine, Failure(FailureKind.KILLED, f"{invocation.argv[0]}: ended by signal {signal}"), ran.seconds
    out, err = ran.exited.stdout, ran.exited.stderr
    exited = Exited(ran.exited.status, out[:limit], err[:limit], len(out) > limit or len(err) > limit)
    return ran.machine, exited, ran.seconds
