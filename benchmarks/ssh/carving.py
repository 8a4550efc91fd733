"""The steps as gpucarve's own calls, decided on what was gathered.

What a resource does for GPUs this does for the steps: reads, then guarded writes for what differs. How they are
carried is the product's: nothing here knows of shells or connections.

Boundary: pure. Where a read failed, what differs is unknown: nothing is written on the ground of that.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from benchmarks.ssh.steps import Directory, Kernel, Line, Step, SymbolicLink, TextFile
from gpucarve.calls.predicates import Absent, LinksTo, Sha256
from gpucarve.calls.primitives import Claim, HostRead, Inspect, MakeLink, ReadFiles, ReadLinks, Run, Stat, WriteFile
from gpucarve.calls.programs import Guarded
from gpucarve.calls.replies import Exited, Files, Links, PathKind, PathStatuses, Reply
from gpucarve.facts.observed import Probe, Unreadable


def probe(steps: Sequence[Step]) -> Probe[tuple[Guarded, ...]]:
    """What differs, from four reads, however many steps there are."""
    return Probe("steps", reads(steps), lambda replies: writes(steps, replies))


def reads(steps: Sequence[Step]) -> tuple[HostRead, ...]:
    """All that has to be known."""
    files = tuple(step.path for step in steps if isinstance(step, TextFile | Line))
    directories = tuple(step.path for step in steps if isinstance(step, Directory))
    links = tuple(step.path for step in steps if isinstance(step, SymbolicLink))
    return Inspect(("uname", "-r")), Stat((*directories, *files)), ReadFiles(files), ReadLinks(links)


def writes(steps: Sequence[Step], replies: Sequence[Reply]) -> tuple[Guarded, ...]:
    """What differs, in the order of the steps, directories in one go; first a claim that keeps what was there."""
    match tuple(replies):
        case (Exited(0), PathStatuses() as statuses, Files() as files, Links() as links):
            there = {path for path, found in statuses.by_path().items() if found.kind is PathKind.DIRECTORY}
            contents = {path: file.content for path, file in files.by_path().items()}
            targets = links.by_path()
        case others:
            raise Unreadable(f"a read failed: {others}")
    lacking = [step.path for step in steps if isinstance(step, Directory) and step.path not in there]
    found: list[Guarded] = []
    if lacking:
        found.append(Guarded(Run(("mkdir", "-p", "--", *lacking)), before=tuple(map(Absent, lacking))))
    for step in steps:
        match step:
            case Kernel() | Directory():
                pass
            case TextFile(path, content):
                found += _file(path, contents.get(path), content.encode())
            case Line(path, start, rest):
                found += _file(path, contents[path], _with_line(contents[path], start.encode(), rest.encode()))
            case SymbolicLink(path, target) if targets.get(path) != target:
                wanted = (LinksTo(path, target),)
                found.append(Guarded(MakeLink(path, target), before=(Absent(path),), wanted=wanted))
    return (_claim(found), *found) if found else ()


def _claim(changes: Sequence[Guarded]) -> Guarded:
    """The way back: what stood where something is written now."""
    paths = tuple(each.write.path for each in changes if isinstance(each.write, WriteFile | MakeLink))
    return Guarded(Claim("steps", json.dumps({"paths": paths}), paths))


def _file(path: str, found: bytes | None, wanted: bytes) -> list[Guarded]:
    if found == wanted:
        return []
    before = Absent(path) if found is None else Sha256.of(path, found)
    return [Guarded(WriteFile(path, wanted), before=(before,), wanted=(Sha256.of(path, wanted),))]


def _with_line(content: bytes, start: bytes, rest: bytes) -> bytes:
    lines = content.splitlines(keepends=True)
    return b"".join(start + rest + b"\n" if line.startswith(start) else line for line in lines)
