"""Calls to one POSIX sh program, and its reply to replies.

The program is one `{ …; }` that `BOOTSTRAP` reads whole before anything of it runs, so that a cut-off one does nothing.
It ignores HUP, outlives its reader, works in a scratch directory of its own, and keeps its own stderr for the last
frame: whatever is said there makes the reply a refusal.

Boundary: pure. `nonce` is the caller's: letters and digits, new for each program, not to be guessed on the host.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from gpucarve.calls import state
from gpucarve.calls.primitives import HostRead, Inspect, Run, WriteValue
from gpucarve.calls.programs import (
    Acquire,
    CallOutcome,
    CallState,
    Hold,
    Lease,
    Program,
    ProgramReply,
    Refusal,
    RefusalKind,
    Release,
)
from gpucarve.calls.replies import Reply
from gpucarve.transports.shell import refusals
from gpucarve.transports.shell.fragments import link
from gpucarve.transports.shell.frames import Frame, Frames, read
from gpucarve.transports.shell.quoting import word
from gpucarve.transports.shell.reads import compile_read, parse_reads, part_count, seconds
from gpucarve.transports.shell.writes import compile_writes, parse_write

# What `sh -c` is given; the program follows on stdin. bash would read a program from a pipe byte by byte.
BOOTSTRAP = 'LC_ALL=C; export LC_ALL; eval "$(cat)"'

SLACK = 30.0  # seconds that a host may need beside its calls' own deadlines
READ_SECONDS = 120.0  # for all reads of files together; a single one is ended after 62, see fragments/reads.sh

_NONCE = re.compile(r"[A-Za-z0-9]{16,64}")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_OPEN = """{{
trap '' HUP
trap : PIPE
PATH={path} LC_ALL=C
export PATH LC_ALL
unset IFS
umask 077
N={nonce}
S={state}
for T in /run /tmp; do
T=$(mktemp -d "$T/.gpucarve.XXXXXX" 2>/dev/null) && break
done
[ -d "$T" ] && cd "$T" || {{ printf '%s refused scratch :\\n%s end :\\n' "$N" "$N"; exit 0; }}
exec 2>>err </dev/null
printf '%s\\n' "$N" >mark
"""


def compile_gather(reads: Sequence[HostRead], nonce: str) -> bytes:
    """The program that answers reads; it takes no lock and leaves nothing behind."""
    return _program(nonce, _reads(reads) + ("send reads r*\n" if reads else "say reads\n"))


def compile_program(program: Program, nonce: str) -> bytes:
    """The program that runs a `Program`. Raises ValueError where a guard has no shell test."""
    writes = f"writes() {{\n{compile_writes(program.writes)}}}\n" if program.writes else ""
    body = (
        f"{writes}open_state\nlock {round(program.lock_patience * 100)}\nread_lease\n"
        f"{_lease_change(program)}"
        f"enter {_seconds(program.lease)} {word(program.holder)} {word(program.run)} {len(program.writes)}\n"
        "D= W= A= C=\n"
        + ("writes\nplace\n" if writes else "")
        + ("finish_free\n" if program.lease.ends else "finish\n")
        + "tell_lease lease\n"
        + _reads(program.then_read)
        + "exec 9>&-\n"
        + ("send reads r*\n" if program.then_read else "say reads\n")
    )
    return _program(nonce, body)


def compile_wait_idle(patience: float, nonce: str) -> bytes:
    """The program that waits for the host's lock and lets go of it; it makes nothing."""
    body = f'if [ -e "$S/lock" ]; then\nexec 9<"$S/lock"\nlock {round(patience * 100)}\nfi\nsay idle\n'
    return _program(nonce, body)


def _program(nonce: str, body: str) -> bytes:
    if not _NONCE.fullmatch(nonce):
        raise ValueError("a nonce is 16 to 64 letters and digits")
    functions, commands = link(body + "needs quit")
    text = (
        _OPEN.format(path=_PATH, nonce=nonce, state=state.ROOT)
        + functions
        + f"needs {' '.join(commands)}\n"
        + body
        + "quit\n}\n"
    )
    return text.encode("utf-8", "surrogateescape")


def _reads(reads: Sequence[HostRead]) -> str:
    return "".join(compile_read(number, read_) + "\n" for number, read_ in enumerate(reads))


def _seconds(change: Acquire | Hold | Release) -> str:
    return '"$L"' if isinstance(change, Release) else str(change.seconds)


def _lease_change(program: Program) -> str:
    """Compare the lease with what the change asks for; raise the fence for a new holder."""
    ours = f'[ "$H" = {word(program.holder)} ]'
    match program.lease:
        case Acquire(stalled=stalled):
            stood = f' || [ "$F $B" = "{stalled.fence} {stalled.beat}" ]' if stalled else ""
            return f'[ -z "$H" ] || {ours}{stood} || refuse held "$S/lease"\nF=$((F + 1))\n'
        case Hold(fence) | Release(fence):
            return f'{{ [ "$F" = {fence} ] && {ours}; }} || refuse fenced "$S/lease"\n'


def time_for_reads(reads: Sequence[HostRead]) -> float:
    """Seconds after which an answer to these reads is not to be expected any more.

    A host where a command hangs in the kernel, past its own deadline, is not waited for longer than that.
    """
    commands = sum(seconds(each.deadline) + 2 for each in reads if isinstance(each, Inspect))
    return SLACK + commands + (READ_SECONDS if any(not isinstance(each, Inspect) for each in reads) else 0.0)


def time_for_program(program: Program) -> float:
    """Seconds after which an answer to this program is not to be expected any more."""
    writes = (guarded.write for guarded in program.writes)
    bounded = sum(seconds(w.deadline) + 2 for w in writes if isinstance(w, Run | WriteValue))
    return program.lock_patience + bounded + len(program.writes) + time_for_reads(program.then_read)


def parse_gather(reads: Sequence[HostRead], nonce: str, reply: bytes) -> tuple[Reply, ...] | Refusal:
    """The replies, in order, or why there are none."""
    frames = read(nonce, reply)
    refusal = refusals.before_begin(frames) or refusals.of_ending(frames, RefusalKind.UNFIT)
    if refusal:
        return refusal
    return _read_replies(frames, reads, nonce)


def parse_program(program: Program, nonce: str, reply: bytes) -> ProgramReply | Refusal:
    """The program's reply; where it is cut off, a `LOST` whose detail tells every write that was reported."""
    frames = read(nonce, reply)
    refusal = refusals.before_begin(frames)
    if refusal:
        return refusal
    try:
        outcomes = _outcomes(program, frames)
        began = _lease(frames.labelled("begun"))
        lease = _lease(frames.labelled("lease"))
    except (ValueError, IndexError) as error:
        return Refusal(RefusalKind.LOST, f"the host's answer makes no sense: {error}")
    refusal = refusals.of_ending(frames, RefusalKind.LOST, refusals.progress(outcomes), lease or began)
    if refusal or lease is None:
        return refusal or Refusal(RefusalKind.LOST, "the host's answer lacks the lease", began)
    read_replies = _read_replies(frames, program.then_read, nonce)
    return read_replies if isinstance(read_replies, Refusal) else ProgramReply(lease, outcomes, read_replies)


def parse_wait_idle(nonce: str, reply: bytes) -> Refusal | None:
    """None when the lock was free."""
    frames = read(nonce, reply)
    return refusals.before_begin(frames) or refusals.of_ending(frames, RefusalKind.UNFIT)


def _read_replies(frames: Frames, reads: Sequence[HostRead], nonce: str) -> tuple[Reply, ...] | Refusal:
    found = frames.labelled("reads")
    if len(found) != 1 or len(found[0].parts) != part_count(reads):
        return Refusal(RefusalKind.LOST, "the host's answer does not fit what was asked")
    return parse_reads(reads, nonce, found[0].parts)


def _outcomes(program: Program, frames: Frames) -> tuple[CallOutcome, ...]:
    outcomes = [CallOutcome(CallState.NOT_REACHED)] * len(program.writes)
    for expected, frame in enumerate(frames.labelled("write")):
        if int(frame.words[0]) != expected:
            raise ValueError(f"write {frame.words[0]} out of turn")
        outcomes[expected] = parse_write(program.writes[expected], frame)
    return tuple(outcomes)


def _lease(frames: Sequence[Frame]) -> Lease | None:
    return state.parse_lease(frames[0].parts[0].content.decode()) if frames else None
