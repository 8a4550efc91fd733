"""The reads: the shell call that answers each, and its parts as a reply.

A read numbered N owns the scratch files `rN…`; how many parts each kind has is fixed here and in `fragments/reads.sh`.

Boundary: text and parts. Nothing in a part is believed further than its meaning: what does not fit the question makes
that one reply a failure.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from gpucarve.calls import state
from gpucarve.calls.primitives import FindHolders, HostRead, Inspect, ReadFiles, ReadLinks, Stat
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
from gpucarve.transports.shell.failures import DETAIL, failure
from gpucarve.transports.shell.frames import Part
from gpucarve.transports.shell.quoting import pattern, printf, words

SIGNALS = range(129, 193)
_PARTS = {ReadFiles: 4, ReadLinks: 3, Stat: 3, FindHolders: 5, Inspect: 3}
_COMPLAINT = re.compile(r"head: (?:cannot open '(.*)' for reading|error reading '(.*)'|(.*)): ([^:]*)")
_TIMED_OUT = ("status 124", "status 137", "status 143")
_KINDS = {0o100000: PathKind.FILE, 0o040000: PathKind.DIRECTORY, 0o120000: PathKind.LINK}


def seconds(deadline: float) -> int:
    """A deadline as timeout(1) takes it everywhere: whole seconds, at least one."""
    return max(1, math.ceil(deadline))


def compile_read(number: int, read: HostRead) -> str:
    """The line that answers one read."""
    part = f"r{number:04}"
    match read:
        case ReadFiles((state.RECORD,)):
            return f"own_record {part}"
        case ReadFiles(patterns, limit):
            return f"files {part} {limit + 1} " + " ".join(map(pattern, patterns))
        case ReadLinks(patterns):
            return f"symlinks {part} " + " ".join(map(pattern, patterns))
        case Stat(patterns):
            return f"statuses {part} " + " ".join(map(pattern, patterns))
        case FindHolders(prefixes):
            return f"openers {part} {words(prefixes)}"
        case Inspect(argv, deadline, limit, stdin):
            given = f"{printf(stdin)} >i{number:04} && " if stdin else ""
            source = f"i{number:04}" if stdin else "/dev/null"
            return f"{given}inspect {part} {source} {limit} {seconds(deadline)} {words(argv)}"


def part_count(reads: Sequence[HostRead]) -> int:
    """How many parts the replies to these reads have."""
    return sum(_PARTS[type(read)] for read in reads)


def parse_reads(reads: Sequence[HostRead], nonce: str, parts: Sequence[Part]) -> tuple[Reply, ...]:
    """The replies, from as many parts as `part_count` says. Never raises for what the parts hold."""
    replies: list[Reply] = []
    position = 0
    for read in reads:
        count = _PARTS[type(read)]
        try:
            replies.append(_parse(read, nonce.encode(), parts[position : position + count]))
        except (ValueError, IndexError) as error:
            replies.append(Failure(FailureKind.OTHER, f"the host's answer makes no sense: {error}"[:DETAIL]))
        position += count
    return tuple(replies)


def _parse(read: HostRead, nonce: bytes, parts: Sequence[Part]) -> Reply:
    contents = [part.content for part in parts]
    match read:
        case ReadFiles(_, limit):
            return _files(limit, nonce, *contents)
        case ReadLinks():
            return _links(nonce, *contents)
        case Stat():
            return _statuses(nonce, *contents)
        case FindHolders(prefixes):
            return _holders(prefixes, nonce, *contents)
        case Inspect(argv):
            kind, status = contents[0].decode("ascii").split(" ")
            return ended(argv, kind, int(status), parts[1], parts[2])


def ended(argv: Sequence[str], kind: str, status: int, stdout: Part, stderr: Part) -> Exited | Failure:
    """How a command ended, from the word that `child` gave it."""
    if kind == "exited" and status in SIGNALS:
        return Failure(FailureKind.KILLED, f"{argv[0]} was ended by signal {status - 128}")
    if kind == "exited" and status in (126, 127) and stderr.content.startswith(b"timeout: "):
        return failure(stderr.content)
    if kind == "exited":
        return Exited(status, stdout.content, stderr.content, truncated=stdout.cut or stderr.cut)
    if kind == "late":
        return Failure(FailureKind.TIMED_OUT, f"{argv[0]} was ended at its deadline")
    if kind == "absent":
        return Failure(FailureKind.ABSENT, f"{argv[0]}: no such command")
    if kind == "refused":
        return Failure(FailureKind.REFUSED, f"{argv[0]} is not executable")
    raise ValueError(f"{kind!r} is no way to end")


def _files(limit: int, nonce: bytes, batch: bytes, marked: bytes, complaints: bytes, others: bytes) -> Files | Failure:
    names = _fields(batch)
    found, odd = _others(others)
    contents = marked.split(nonce + b"\n")[1:]
    if len(contents) != len(names) + len(odd):
        return _unfinished(complaints)
    failures = _attributed(complaints.decode("utf-8", "surrogateescape"))
    for name, content in zip((*names, *odd), contents, strict=True):
        path = _path(name)
        wrong = odd.get(name) or failures.pop(path, None)
        found[name] = File(path, content[:limit], len(content) > limit) if wrong is None else File(path, failure=wrong)
    if failures:
        return failure("; ".join(f"{path}: {wrong.detail}" for path, wrong in failures.items()), FailureKind.OTHER)
    return Files(tuple(found[name] for name in sorted(found)))


def _others(fields: bytes) -> tuple[dict[bytes, File], dict[bytes, Failure | None]]:
    """What matched and is no plain name: entries that are decided, and odd names with what was said about them."""
    found: dict[bytes, File] = {}
    odd: dict[bytes, Failure | None] = {}
    rest = iter(_fields(fields))
    for entry in rest:
        name = entry[1:]
        match entry[:1]:
            case b"n":
                found[name] = File(_path(name), failure=Failure(FailureKind.NOT_REGULAR, "not a regular file"))
            case b"d":
                found[name] = File(_path(name), failure=Failure(FailureKind.ABSENT, "a link that leads nowhere"))
            case b"o":
                text = next(rest, b"")
                odd[name] = _late_or(text) if text else None
            case kind:
                raise ValueError(f"{kind!r} is no kind of match")
    return found, odd


def _attributed(complaints: str) -> dict[str, Failure]:
    """What head said, by the path it named. A line that names none is filed under itself."""
    failures: dict[str, Failure] = {}
    for line in complaints.splitlines():
        match = _COMPLAINT.fullmatch(line)
        if match:
            failures[match[1] or match[2] or match[3]] = failure(line)
        elif line != "status 1":
            failures[line] = failure(line)
    return failures


def _links(nonce: bytes, names: bytes, texts: bytes, complaints: bytes) -> Links | Failure:
    found = sorted(_texts(nonce, names, texts).items())
    return _unexpected(complaints) or Links(tuple(Link(_path(name), _path(text)) for name, text in found))


def _texts(nonce: bytes, names: bytes, texts: bytes) -> dict[bytes, bytes]:
    """Name to link text. GNU's stat says `NAME -> TEXT`, busybox' `'NAME' -> 'TEXT'`; the names are known exactly."""
    found: dict[bytes, bytes] = {}
    records = iter(_records(nonce, texts))
    record = next(records, None)
    for name in _fields(names):
        for before, after in ((name + b" -> ", b""), (b"'" + name + b"' -> '", b"'")):
            if record is not None and record.startswith(before) and record.endswith(after):
                found[name] = record[len(before) : len(record) - len(after)]
                record = next(records, None)
                break
    if record is not None:
        raise ValueError(f"a link that was not asked for: {record[:80]!r}")
    return found


def _statuses(nonce: bytes, names: bytes, records: bytes, complaints: bytes) -> PathStatuses | Failure:
    found: dict[bytes, PathStatus] = {}
    for record in _records(nonce, records):
        mode, uid, gid, name = record.split(b" ", 3)
        raw = int(mode, 16)
        kind = _KINDS.get(raw & 0o170000, PathKind.SPECIAL)
        found[name] = PathStatus(_path(name), kind, raw & 0o7777, int(uid), int(gid))
    if not found.keys() <= set(_fields(names)):
        raise ValueError("a path that was not asked for")
    return _unexpected(complaints) or PathStatuses(tuple(found[name] for name in sorted(found)))


def _holders(
    prefixes: Sequence[str], nonce: bytes, names: bytes, texts: bytes, complaints: bytes, processes: bytes, argvs: bytes
) -> Holders | Failure:
    if complaints.endswith(b"refused\n"):
        return Failure(FailureKind.REFUSED, "only root can see what the processes of other users have open")
    marked = argvs.split(nonce + b"\n")[1:]
    argv_of = {
        _process(name): tuple(_path(argument) for argument in _fields(argv.removesuffix(b"\0") + b"\0"))
        for name, argv in zip(_fields(processes), marked, strict=True)
    }
    held = {
        (text, _process(name))
        for name, text in _texts(nonce, names, texts).items()
        if _path(text).startswith(tuple(prefixes))
    }
    return Holders(tuple(Holder(_path(text), pid, argv_of[pid]) for text, pid in sorted(held)))


def _process(name: bytes) -> int:
    return int(name.split(b"/")[2])


def _records(nonce: bytes, described: bytes) -> list[bytes]:
    return [record.removesuffix(b"\n") for record in described.split(nonce)[1:]]


def _fields(text: bytes) -> list[bytes]:
    """What is ended by NUL each."""
    return text.split(b"\0")[:-1]


def _path(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def _unexpected(complaints: bytes) -> Failure | None:
    """What stat said beyond that something went away meanwhile."""
    lines = [
        line
        for line in complaints.decode("utf-8", "replace").splitlines()
        if line != "status 1" and not line.endswith("No such file or directory")
    ]
    return _late_or("\n".join(lines)) if lines else None


def _unfinished(complaints: bytes) -> Failure:
    return _late_or(complaints or b"not every file came back")


def _late_or(text: bytes | str) -> Failure:
    shown = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    if any(late in shown for late in _TIMED_OUT):
        return Failure(FailureKind.TIMED_OUT, "reading took longer than 60 s")
    return failure(shown)
