"""What gpucarve keeps on a target, under `/var/lib/gpucarve` (mode 0700): one layout for every transport and the twin.

::

    lock                     empty; a program holds its flock(2) while it writes
    lease                    one line: fence=7 beat=12 seconds=30 holder=LAPTOP run=RUN   (the last two empty when free)
    record                   the program that ran last: a head line, then a line per write
                                 run=RUN fence=7 boot=BOOT-ID pid=4711 writes=2
                                 0 begun
                                 0 done
                                 1 begun          ← no `end`: under the same boot id it died or works, under another the
                                 end                 reboot ended it
    claims/KEY/record        what we own, as the resource wrote it (JSON), first value wins
    claims/KEY/kept/N/path   a path as it was before our first write …
    claims/KEY/kept/N/status     absent | file MODE UID GID | link
    claims/KEY/kept/N/content    … its bytes, or the link's text

Boundary: names and texts; who reads or writes them is not known here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gpucarve.calls.programs import Lease

ROOT = "/var/lib/gpucarve"
LOCK = f"{ROOT}/lock"
LEASE = f"{ROOT}/lease"
RECORD = f"{ROOT}/record"
CLAIMS = f"{ROOT}/claims"

_NUMBER = r"(0|[1-9]\d{0,8})"  # as the shell writes it: a leading zero would be octal there
_LEASE = re.compile(rf"fence={_NUMBER} beat={_NUMBER} seconds={_NUMBER} holder=(\S*) run=(\S*)\n?")
_HEAD = re.compile(r"run=(\S+) fence=(\d{1,9}) boot=(\S+) pid=(\d{1,9}) writes=(\d{1,6})")


def lease_text(lease: Lease) -> str:
    """The line that stands for a lease."""
    return f"fence={lease.fence} beat={lease.beat} seconds={lease.seconds} holder={lease.holder} run={lease.run}\n"


def parse_lease(text: str) -> Lease:
    """Read that line; the empty text is a host never touched. Raises ValueError on anything else."""
    if not text:
        return Lease()
    match = _LEASE.fullmatch(text)
    if match is None:
        raise ValueError(f"{LEASE} does not hold a lease: {text[:80]!r}")
    fence, beat, seconds, holder, run = match.groups()
    return Lease(int(fence), int(beat), int(seconds), holder, run)


@dataclass(frozen=True, slots=True)
class Record:
    """The program that ran last. `states` maps the number of a write to the last word about it."""

    run: str
    fence: int
    boot: str
    pid: int
    writes: int
    states: dict[int, str]
    ended: bool


def parse_record(text: str) -> Record | None:
    """Read a record; None where none was written. A line cut short by a crash is passed over."""
    lines = text.split("\n")
    match = _HEAD.fullmatch(lines[0])
    if match is None:
        return None
    run, fence, boot, pid, writes = match.groups()
    states: dict[int, str] = {}
    for line in lines[1:-1]:
        number, _, state = line.partition(" ")
        if number.isdigit() and state:
            states[int(number)] = state
    return Record(run, int(fence), boot, int(pid), int(writes), states, ended="end" in lines[1:-1])
