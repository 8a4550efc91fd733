"""Running a program on a simulated host, by the semantics of `gpucarve.calls.programs`.

The program is a process of the host: it is there in the process table with the lock it holds, its commands are
children that inherit the lock, and it dies with the machine, leaving its record as it was.

Boundary: one program on one host, no connection: who started it may be long gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from gpucarve.calls.predicates import Predicate, holds, probe
from gpucarve.calls.primitives import HostRead, HostWrite, Run
from gpucarve.calls.programs import (
    Acquire,
    CallOutcome,
    CallState,
    Guarded,
    Hold,
    Lease,
    Program,
    ProgramReply,
    Refusal,
    RefusalKind,
    Release,
)
from gpucarve.calls.replies import Done, Exited, Failure, Reply
from gpucarve.twin import keeping, reads, writes
from gpucarve.twin.errors import KernelError
from gpucarve.twin.faults import Point
from gpucarve.twin.hosts import SimulatedHost

_POLL = 0.2


async def execute(host: SimulatedHost, program: Program) -> ProgramReply | Refusal:
    """Run it to its end. Raises `hosts.Died` when its process does."""
    with host.process(("sh", "-s")) as pid:
        try:
            host.machine = keeping.prepare(host.machine)
        except KernelError as error:
            return Refusal(RefusalKind.UNFIT, f"no place to keep its state: {error}")
        held = await _lock(host, pid, program.lock_patience)
        return held or await _under_lock(host, pid, program)


async def _lock(host: SimulatedHost, pid: int, patience: float) -> Refusal | None:
    holder = await wait_for_lock(host, patience, pid)
    if holder is None:
        host.machine = keeping.hold_lock(host.machine, pid)
        return None
    return locked(host, holder)


def locked(host: SimulatedHost, holder: int) -> Refusal:
    """The refusal that names who holds the lock, and for which run."""
    record = keeping.record(host.machine)
    run = f" by run {record.run}" if record else ""
    detail = f"the host's lock is held{run}: {host.name_of(holder)} (pid {holder}, state S)"
    try:
        lease = keeping.lease(host.machine)
    except ValueError:
        lease = None
    return Refusal(RefusalKind.LOCKED, detail, lease)


async def wait_for_lock(host: SimulatedHost, patience: float, pid: int | None = None) -> int | None:
    """Wait until the lock is free, and answer None; or the id of who still holds it after `patience` seconds."""
    deadline = host.clock.time + patience
    while (holder := keeping.locked_by(host.machine)) is not None and host.clock.time < deadline:
        await host.elapse(min(_POLL, deadline - host.clock.time), pid)
    return holder


def judge(lease: Lease, program: Program) -> Lease | Refusal:
    """The lease this program works under, or why it may not."""
    change, beat = program.lease, lease.beat + 1
    match change:
        case Acquire(seconds, stalled, _):
            same = stalled is not None and (stalled.fence, stalled.beat) == (lease.fence, lease.beat)
            if lease.holder in ("", program.holder) or same:
                return Lease(lease.fence + 1, beat, seconds, program.holder, program.run)
            return Refusal(RefusalKind.LEASE_HELD, f"{_holder(lease)} works on this host", lease)
        case Hold(fence) | Release(fence):
            if (lease.holder, lease.fence) != (program.holder, fence):
                return Refusal(RefusalKind.FENCED, f"the lease is no longer ours: {_holder(lease)} has it", lease)
            seconds = change.seconds if isinstance(change, Hold) else lease.seconds
            return Lease(fence, beat, seconds, program.holder, program.run)


def _holder(lease: Lease) -> str:
    return f"{lease.holder} (run {lease.run}, fence {lease.fence})" if lease.holder else f"nobody (fence {lease.fence})"


async def _under_lock(host: SimulatedHost, pid: int, program: Program) -> ProgramReply | Refusal:
    try:
        lease = judge(keeping.lease(host.machine), program)
    except ValueError as error:
        return Refusal(RefusalKind.UNFIT, f"{error}; make sure that nobody works on the host, then remove it")
    if isinstance(lease, Refusal):
        return lease
    record = _Record(host, pid, program, lease)
    try:
        record.write()
        host.machine = keeping.write_lease(host.machine, lease)
    except KernelError as error:
        return Refusal(RefusalKind.UNFIT, f"no place to keep its state: {error}")
    outcomes = await _write_all(host, pid, program, record)
    record.say("end")
    if program.lease.ends:
        lease = Lease(lease.fence, lease.beat)
        host.machine = keeping.write_lease(host.machine, lease)
    return ProgramReply(lease, tuple(outcomes), await read_all(host, program.then_read, pid))


class _Record:
    """The record of the running program, rewritten with each line."""

    def __init__(self, host: SimulatedHost, pid: int, program: Program, lease: Lease) -> None:
        self._host = host
        boot = host.machine.up.boot.boot_id
        self._text = f"run={program.run} fence={lease.fence} boot={boot} pid={pid} writes={len(program.writes)}\n"

    def write(self) -> None:
        """Store it as it is; raises KernelError when there is no room."""
        self._host.machine = keeping.write_record(self._host.machine, self._text)

    def say(self, line: str) -> Failure | None:
        """Add a line; the failure to store it, if any."""
        self._text += f"{line}\n"
        try:
            self.write()
        except KernelError as error:
            return error.failure()
        return None


async def _write_all(host: SimulatedHost, pid: int, program: Program, record: _Record) -> list[CallOutcome]:
    outcomes: list[CallOutcome] = []
    for number, guarded in enumerate(program.writes):
        outcome = _guard(host, guarded)
        if outcome is None:
            outcome = await _write(host, pid, number, guarded, record)
        else:
            record.say(f"{number} {outcome.state.value}")
        outcomes.append(outcome)
        if outcome.state not in (CallState.DONE, CallState.SKIPPED):
            break
    rest = len(program.writes) - len(outcomes)
    return outcomes + [CallOutcome(CallState.NOT_REACHED)] * rest


def _guard(host: SimulatedHost, guarded: Guarded) -> CallOutcome | None:
    """SKIPPED or STOPPED, or None when the call is to be carried out."""
    if guarded.wanted and all(_holds(host, predicate) for predicate in guarded.wanted):
        return CallOutcome(CallState.SKIPPED)
    for predicate in guarded.before:
        if not _holds(host, predicate):
            return CallOutcome(CallState.STOPPED, found=f"{type(predicate).__name__} does not hold of {predicate.path}")
    return None


def _holds(host: SimulatedHost, predicate: Predicate) -> bool:
    _, reply, _ = reads.answer(host.machine, probe(predicate), host.clock.time)
    return holds(predicate, reply)


async def _write(host: SimulatedHost, pid: int, number: int, guarded: Guarded, record: _Record) -> CallOutcome:
    full = record.say(f"{number} begun")
    if full is not None:
        return CallOutcome(CallState.FAILED, full)
    host.count(Point.BEFORE_WRITE)
    await host.pace(pid)
    reply = await _effect(host, pid, guarded.write)
    host.count(Point.AFTER_WRITE)
    await host.pace(pid)
    failed = isinstance(reply, Failure) or (isinstance(reply, Exited) and reply.status != 0)
    record.say(f"{number} {'failed' if failed else 'done'}")
    if not failed:
        host.note(guarded.write)
    return CallOutcome(CallState.FAILED if failed else CallState.DONE, reply)


async def _effect(host: SimulatedHost, pid: int, write: HostWrite) -> Done | Exited | Failure:
    """Let the call take its time, then let it happen; a command runs as a child, which outlives a killed parent."""
    if not isinstance(write, Run):
        return await _happen(host, pid, write)
    child = asyncio.ensure_future(_run_child(host, pid, write))
    host.keep(child)
    await asyncio.wait((child, host.death_of(pid)), return_when=asyncio.FIRST_COMPLETED)
    host.check_alive(pid)
    return child.result()


async def _run_child(host: SimulatedHost, parent: int, write: Run) -> Done | Exited | Failure:
    with host.process(write.argv, parent) as child:
        return await _happen(host, child, write)


async def _happen(host: SimulatedHost, pid: int, write: HostWrite) -> Done | Exited | Failure:
    host.machine, seconds = writes.begin(host.machine, write, host.clock.time)
    await host.elapse(seconds, pid)
    host.machine, reply = writes.carry_out(host.machine, write, host.clock.time)
    return reply


async def read_all(host: SimulatedHost, wanted: Sequence[HostRead], pid: int | None = None) -> tuple[Reply, ...]:
    """Answer reads in order, each taking its time."""
    replies: list[Reply] = []
    for read in wanted:
        host.machine, reply, seconds = reads.answer(host.machine, read, host.clock.time)
        replies.append(reply)
        await host.elapse(seconds, pid)
    return tuple(replies)
