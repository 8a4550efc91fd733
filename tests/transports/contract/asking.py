"""Short ways to ask a transport, for tests that expect an answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from gpucarve.calls.primitives import HostRead, HostWrite, Read
from gpucarve.calls.programs import Acquire, CallOutcome, Guarded, Program, ProgramReply, Refusal
from gpucarve.calls.replies import Failure, FailureKind, Reply
from gpucarve.calls.transport import HostTransport

R = TypeVar("R")


async def gathered(transport: HostTransport, *reads: HostRead) -> tuple[Reply, ...]:
    """The replies to reads."""
    replies = await transport.gather(reads)
    assert not isinstance(replies, Refusal), replies
    assert len(replies) == len(reads)
    return replies


async def read(transport: HostTransport, call: Read[R]) -> R:
    """The successful reply to one read."""
    (reply,) = await gathered(transport, call)  # type: ignore[arg-type]  # every Read of a host is a HostRead
    assert not isinstance(reply, Failure), reply
    answer: Any = reply
    return answer  # type: ignore[no-any-return]  # the reply of a Read[R] is an R


def program(*writes: HostWrite | Guarded, then_read: Sequence[HostRead] = (), holder: str = "laptop") -> Program:
    """A program that takes the lease and carries out writes, unguarded unless said."""
    guarded = tuple(write if isinstance(write, Guarded) else Guarded(write) for write in writes)
    return Program(holder, "run-1", Acquire(seconds=30), guarded, tuple(then_read))


async def ran(transport: HostTransport, asked: Program) -> ProgramReply:
    """The reply to a program that is not refused."""
    reply = await transport.run(asked)
    assert isinstance(reply, ProgramReply), reply
    assert len(reply.outcomes) == len(asked.writes)
    return reply


async def write(transport: HostTransport, *writes: HostWrite | Guarded) -> tuple[CallOutcome, ...]:
    """The outcomes of writes."""
    return (await ran(transport, program(*writes))).outcomes


async def write_one(transport: HostTransport, call: HostWrite) -> Reply:
    """The reply to one write that is carried out."""
    (outcome,) = await write(transport, call)
    assert outcome.reply is not None, outcome
    return outcome.reply


def failed(reply: Reply | None, kind: FailureKind) -> None:
    """Check that a reply is a failure of this kind that says something."""
    assert isinstance(reply, Failure), reply
    assert reply.kind is kind, reply
    assert 0 < len(reply.detail) <= 500
