"""A run of guarded writes on one host, and what the host itself enforces around it.

A `Program` is what a transport runs in one round trip. Its semantics, the same for every transport:

1. take the host's lock without waiting longer than `lock_patience`; else `Refused(LOCKED)`;
2. compare the lease and the fence (see `LeaseChange`); else `Refused(LEASE_HELD)` or `Refused(FENCED)`;
3. write the record (run, fence, boot id, begun) and the lease's new beat;
4. go through `writes` in order; each is guarded; the first that stops or fails ends the writes. Files that follow one
   another may be put aside first and take their places together, one after the other;
5. write the record's end, give the lease back where that is asked for, answer `then_read`, release the lock.

The lock, the lease, the record and the claims live on the target (`gpucarve.calls.state`), so they outlive any
controller.

Boundary: values; how they are carried out is a transport's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from gpucarve.calls.predicates import Predicate
from gpucarve.calls.primitives import HostRead, HostWrite
from gpucarve.calls.replies import Exited, Failure, FailureKind, Reply

_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


@dataclass(frozen=True, slots=True)
class Lease:
    """Who works on a host, as the target holds it.

    `fence` only ever grows; `beat` grows with each program of the holder, so that a watcher with a clock of its own can
    see life; `seconds` is how long a watcher must see it stand still; `holder` is empty when nobody holds it.
    """

    fence: int = 0
    beat: int = 0
    seconds: int = 0
    holder: str = ""
    run: str = ""


@dataclass(frozen=True, slots=True)
class Acquire:
    """Become the holder with a fence one higher.

    Allowed when nobody holds the lease, when the holder is this controller, or when lease fence and beat still are
    those of `stalled`, which the caller watched stand still for their time (or was told to override). With `ends` the
    lease is given back at the end of this very program.
    """

    seconds: int
    stalled: Lease | None = None
    ends: bool = False


@dataclass(frozen=True, slots=True)
class Hold:
    """Go on as the holder under `fence`, showing life; `seconds` is the new time to live (longer before a reboot)."""

    fence: int
    seconds: int

    @property
    def ends(self) -> bool:
        """Whether the lease is given back at the end of the program."""
        return False


@dataclass(frozen=True, slots=True)
class Release:
    """Give the lease back after this program; the fence number stays."""

    fence: int

    @property
    def ends(self) -> bool:
        """Whether the lease is given back at the end of the program."""
        return True


LeaseChange = Acquire | Hold | Release


@dataclass(frozen=True, slots=True)
class Guarded:
    """One write with its guard: all of `wanted` hold (and there are any) → skipped; all of `before` hold → done;
    else the program stops there, having changed nothing by this call."""

    write: HostWrite
    before: tuple[Predicate, ...] = ()
    wanted: tuple[Predicate, ...] = ()


@dataclass(frozen=True, slots=True)
class Program:
    """What one controller wants done on one host in one go. `holder` and `run` are tokens without blanks."""

    holder: str
    run: str
    lease: LeaseChange
    writes: tuple[Guarded, ...] = ()
    then_read: tuple[HostRead, ...] = ()
    lock_patience: float = 5.0

    def __post_init__(self) -> None:
        if not _TOKEN.fullmatch(self.holder) or not _TOKEN.fullmatch(self.run):
            raise ValueError(f"{self.holder!r} or {self.run!r} is not a token")


class CallState(Enum):
    """What became of one write of a program."""

    DONE = "done"  # carried out; the reply is its own (an `Exited` with any status included)
    SKIPPED = "skipped"  # found as wanted
    STOPPED = "stopped"  # the guard found neither; nothing was changed by this call
    FAILED = "failed"  # the reply is a Failure, or an `Exited` with a status other than 0
    NOT_REACHED = "not reached"


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """State and reply of one write; the reply is None where the call was not carried out.

    For STOPPED, `found` names the predicate of `before` that did not hold, for people.
    """

    state: CallState
    reply: Reply | None = None
    found: str = ""

    @property
    def lost(self) -> bool:
        """Whether the target went away over it, so that what it did is not known."""
        return isinstance(self.reply, Failure) and self.reply.kind is FailureKind.UNREACHABLE

    def failure(self) -> Failure:
        """Why the write did not go through; only to be asked of one that did not."""
        match self.reply:
            case Failure() as failure:
                return failure
            case Exited(status) as exited:
                return Failure(FailureKind.OTHER, f"ended with {status}: {exited.said()}")
            case _:
                return Failure(FailureKind.CONFLICT, self.found or self.state.value)


class RefusalKind(Enum):
    """Why a program did not begin. Nothing was written in any of these cases but LOST."""

    LOCKED = "locked"  # another program holds the lock: an orphan at work, or another controller's
    LEASE_HELD = "lease held"  # another controller holds the lease
    FENCED = "fenced"  # a later controller took over: this one must stop
    NO_PERMISSION = "no permission"  # sudo wants a password, the key is refused
    HOST_KEY = "host key"  # the host's key is not the one known
    UNREACHABLE = "unreachable"  # nothing was sent
    UNFIT = "unfit"  # the host lacks what a program needs (flock, timeout, a place to keep its state)
    LOST = "lost"  # sent, and the connection or the deadline ended first: what it did is unknown


@dataclass(frozen=True, slots=True)
class Refusal:
    """A program or gathering that gave no result. `lease` is the target's lease where it was read, `fix` what to do."""

    kind: RefusalKind
    detail: str = ""
    lease: Lease | None = None
    fix: str = ""

    @property
    def sentence(self) -> str:
        """Why, and what to do about it."""
        return "; ".join(part for part in (self.detail or self.kind.value, self.fix) if part)


@dataclass(frozen=True, slots=True)
class ProgramReply:
    """A program that ran: an outcome per write, a reply per read, and the lease as it stands now."""

    lease: Lease
    outcomes: tuple[CallOutcome, ...] = ()
    reads: tuple[Reply, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every write was done or found done."""
        return all(outcome.state in (CallState.DONE, CallState.SKIPPED) for outcome in self.outcomes)
