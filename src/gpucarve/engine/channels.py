"""Speaking with one target: gathering, writing under a lease, answering the requests of flows.

A host's first write takes the lease, every later one holds it, `release` gives it back. Where another controller holds
it, its beat is watched for as long as its lease says: if it moves, we leave; if it stands still, we take over.

Boundary: knows programs and leases, no plans. Refusals that end a track are raised as `Ended`; those of a host that
went away are returned, since the track knows how to wait.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol

from gpucarve.calls import state
from gpucarve.calls.flows import Request
from gpucarve.calls.primitives import KIB, HostRead, Now, Read, ReadFiles, Sleep, Write
from gpucarve.calls.programs import (
    Acquire,
    CallOutcome,
    CallState,
    Guarded,
    Hold,
    Lease,
    LeaseChange,
    Program,
    ProgramReply,
    Refusal,
    RefusalKind,
    Release,
)
from gpucarve.calls.replies import Done, Failure, FailureKind, Files, Instant, Reply
from gpucarve.calls.transport import Clock, ClusterTransport, HostTransport
from gpucarve.engine.endings import Ended, Ending, Outcome, of_refusal
from gpucarve.engine.events import Emit, Waiting
from gpucarve.engine.pausing import Pause
from gpucarve.errors import BugError
from gpucarve.facts import boot, host, ours
from gpucarve.facts.observed import Observed, Probe, Unknown, observe, reads_of
from gpucarve.model.hosts import Target

LEASE_SECONDS = 30
_AWAY = (RefusalKind.UNREACHABLE, RefusalKind.LOST)


def _host_reads(reads: Sequence[Any]) -> tuple[HostRead, ...]:
    """The reads of a host's probes and flows. Anything else there is our own mistake."""
    for read in reads:
        if not isinstance(read, HostRead):
            raise BugError(f"a host was asked for {type(read).__name__}")
    return tuple(reads)


@cache
def _reads(probes: tuple[Probe[Any], ...]) -> tuple[HostRead, ...]:
    return _host_reads(reads_of(probes))


# A program, and the boot unit, writes a line here before and after each of its changes.
_PULSE = ReadFiles((state.RECORD,), limit=64 * KIB)
_LOOKS = 5


async def snapshot(
    target: Target, transport: HostTransport, probes: tuple[Probe[Any], ...] = host.PROBES
) -> Observed | Refusal:
    """Everything there is to know about a host, in one round trip; nothing is written there.

    The reads come one after the other. Where a program of ours changed something between the first and the last, they
    do not belong together (a vGPU that still runs, its claim gone already), and all are asked again: a few times, since
    a program that goes on and on is seen by its record, and waited for by whoever has to.
    """
    looks = 1
    while not isinstance(replies := await transport.gather((_PULSE, *_reads(probes), _PULSE)), Refusal):
        if replies[0] == replies[-1] or looks == _LOOKS:
            return observe(target, probes, replies[1:-1])
        looks += 1
    return replies


def at_work(observed: Observed) -> bool:
    """Whether a program, or our boot unit, had begun under this boot and not ended: it works still, or died."""
    known, running = observed.get(ours.PROBE), observed.get(boot.PROBE)
    return not isinstance(known, Unknown) and not isinstance(running, Unknown) and known.interrupted(running.boot_id)


class Channel(Protocol):
    """One target, as a track sees it."""

    target: Target

    async def observe(self) -> Observed | Refusal:
        """A fresh snapshot."""
        ...

    async def write(self, writes: Sequence[Guarded], *, last: bool = False) -> tuple[ProgramReply, Observed] | Refusal:
        """Carry out a batch and look again, in one round trip. After the `last` one nothing is held any more."""
        ...

    async def answer(self, request: Request) -> Any:
        """Answer what a flow asks."""
        ...

    async def wait_idle(self, patience: float) -> Refusal | None:
        """Wait for programs that still run there."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Pause by the target's clock, showing life."""
        ...

    async def now(self) -> float:
        """The target's clock."""
        ...

    async def release(self) -> None:
        """Give back what is held; best effort."""
        ...


@dataclass(slots=True)
class HostChannel:
    """A machine. `probes` are what a look at it asks; `lease_seconds` is what the next program announces (longer before
    a reboot)."""

    target: Target
    transport: HostTransport
    holder: str
    run: str
    emit: Emit
    take_over: bool = False
    pause: Pause = field(default_factory=Pause)
    lease_seconds: int = LEASE_SECONDS
    probes: tuple[Probe[Any], ...] = host.PROBES
    _lease: Lease | None = field(default=None, init=False)
    _perhaps_given_back: bool = field(default=False, init=False)  # the last program's end was not heard of
    _last_beat: float = field(default=0.0, init=False)

    @property
    def clock(self) -> Clock:
        return self.transport.clock

    async def observe(self) -> Observed | Refusal:
        found = await snapshot(self.target, self.transport, self.probes)
        return self._away(found) if isinstance(found, Refusal) else found

    async def write(self, writes: Sequence[Guarded], *, last: bool = False) -> tuple[ProgramReply, Observed] | Refusal:
        reply = await self._program(writes, _reads(self.probes), last=last)
        if isinstance(reply, Refusal):
            return self._away(reply)
        return reply, observe(self.target, self.probes, reply.reads)

    async def answer(self, request: Request) -> Any:
        match request:
            case (Guarded(), *_):
                return await self._write_all([each for each in request if isinstance(each, Guarded)])
            case Sleep(seconds):
                await self.sleep(seconds)
                return Done()
            case Now():
                return Instant(await self.now())
            case tuple():
                return await self._read(_host_reads(request))
            case _:
                return (await self._read(_host_reads((request,))))[0]

    async def wait_idle(self, patience: float) -> Refusal | None:
        refusal = await self.transport.wait_idle(patience)
        return self._away(refusal) if refusal else None

    async def sleep(self, seconds: float) -> None:
        await self._show_life()
        await self.clock.sleep(seconds)

    async def now(self) -> float:
        return await self.clock.now()

    async def release(self) -> None:
        if self._lease is not None:  # given back already, perhaps: that is refused and does no harm
            await self.transport.run(Program(self.holder, self.run, Release(self._lease.fence)))
            self._lease = None

    async def _write_all(self, writes: Sequence[Guarded]) -> tuple[CallOutcome, ...]:
        reply = await self._program(writes, ())
        if isinstance(reply, Refusal):
            self._away(reply)
            lost = CallOutcome(CallState.FAILED, Failure(FailureKind.UNREACHABLE, reply.detail))
            return tuple(lost for _ in writes)
        return reply.outcomes

    async def _read(self, reads: tuple[HostRead, ...]) -> tuple[Reply, ...]:
        replies = await self.transport.gather(reads)
        if isinstance(replies, Refusal):
            self._away(replies)
            return tuple(Failure(FailureKind.UNREACHABLE, replies.detail) for _ in reads)
        return replies

    async def _program(
        self, writes: Sequence[Guarded], reads: tuple[HostRead, ...], *, last: bool = False
    ) -> ProgramReply | Refusal:
        change: LeaseChange = Acquire(self.lease_seconds, ends=last)
        if self._lease and not self._perhaps_given_back:
            change = Release(self._lease.fence) if last else Hold(self._lease.fence, self.lease_seconds)
        while True:
            program = Program(self.holder, self.run, change, tuple(writes), reads)
            reply = await self.transport.run(program)
            if isinstance(reply, ProgramReply):
                self._lease = None if last else reply.lease
                self._perhaps_given_back = False
                self._last_beat = await self.now()
                return reply
            if last and reply.kind is RefusalKind.LOST:
                self._perhaps_given_back = True
            if reply.kind is not RefusalKind.LEASE_HELD or reply.lease is None or not isinstance(change, Acquire):
                return reply
            change = Acquire(self.lease_seconds, await self._stalled(reply.lease), ends=last)

    async def _stalled(self, lease: Lease) -> Lease:
        """Watch another controller's lease stand still for its time. Raises Ended when it moves, and for a pause."""
        if self.take_over:
            return lease
        self.emit(Waiting(self.target, f"controller {lease.holder} holds the lease; watching it for {lease.seconds} s"))
        end = await self.now() + lease.seconds
        while await self.now() < end:
            await self.clock.sleep(2.0)
            if self.pause.requested:
                raise Ended(Ending(Outcome.PAUSED, ("not begun",)))
            replies = await self.transport.gather((ReadFiles((state.LEASE,)),))
            if isinstance(replies, Refusal):
                self._away(replies)  # rebooting, perhaps: that says nothing about its controller
            elif _moved(replies[0], lease):
                reason = f"controller {lease.holder} is at work (run {lease.run}): wait for it"
                raise Ended(Ending(Outcome.LOCKED, (reason,)))
        return lease

    async def _show_life(self) -> None:
        if (
            self._lease is not None
            and not self._perhaps_given_back
            and await self.now() - self._last_beat >= LEASE_SECONDS / 3
        ):
            reply = await self._program((), ())
            if isinstance(reply, Refusal) and reply.kind is RefusalKind.FENCED:
                raise Ended(of_refusal(reply))

    def _away(self, refusal: Refusal) -> Refusal:
        if refusal.kind not in _AWAY and refusal.kind is not RefusalKind.LOCKED:
            raise Ended(of_refusal(refusal))
        return refusal


@dataclass(slots=True)
class ClusterChannel:
    """A cluster's API. Its writes are fenced by field ownership and resource versions, not by a lease."""

    target: Target
    transport: ClusterTransport
    probes: tuple[Probe[Any], ...]

    async def observe(self) -> Observed | Refusal:
        return observe(self.target, self.probes, [await self.transport.ask(read) for read in reads_of(self.probes)])

    async def write(self, writes: Sequence[Guarded], *, last: bool = False) -> tuple[ProgramReply, Observed] | Refusal:
        raise BugError("a cluster has no batches")

    async def answer(self, request: Request) -> Any:
        match request:
            case Sleep(seconds):
                await self.transport.clock.sleep(seconds)
                return Done()
            case Now():
                return Instant(await self.transport.clock.now())
            case tuple():
                return tuple([await self.transport.ask(_object_call(each)) for each in request])
            case _:
                return await self.transport.ask(_object_call(request))

    async def wait_idle(self, patience: float) -> Refusal | None:
        return None

    async def sleep(self, seconds: float) -> None:
        await self.transport.clock.sleep(seconds)

    async def now(self) -> float:
        return await self.transport.clock.now()

    async def release(self) -> None:
        return None


def _object_call(request: object) -> Read[Any] | Write[Any]:
    """A call of a cluster's flow. A guarded write there is our own mistake."""
    if isinstance(request, Read | Write):
        return request
    raise BugError(f"a cluster was asked for {type(request).__name__}")


def _moved(reply: Reply, lease: Lease) -> bool:
    """Whether a lease is not what it was. One that cannot be read is the next program's to refuse."""
    if not isinstance(reply, Files):
        return False
    text = reply.by_path()[state.LEASE].content if state.LEASE in reply.by_path() else b""
    try:
        return state.parse_lease(text.decode("ascii")) != lease
    except ValueError:
        return False
