"""One program to a host's shell and its reply back: what `local` and `ssh` share above the way there.

Boundary: joins the compiler with a `Carrier`; knows neither processes nor connections.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from gpucarve.calls.primitives import HostRead
from gpucarve.calls.programs import Program, ProgramReply, Refusal
from gpucarve.calls.replies import Reply
from gpucarve.transports import shell
from gpucarve.transports.shell import refusals

REPLY_BYTES = 256 * 1024 * 1024  # a longer reply is cut there


@dataclass(frozen=True, slots=True)
class Answer:
    """What a shell wrote; `status` is its exit status, None where it was not seen to end."""

    stdout: bytes
    stderr: bytes = b""
    status: int | None = None


class Carrier(Protocol):
    """A way to a host's shell."""

    async def carry(self, program: bytes, seconds: float) -> Answer | Refusal:
        """Give a program to a shell and return what it wrote within so many seconds.

        A program that was sent goes on when the time is up or the connection is lost; the answer is then cut off.
        """
        ...


async def gather(carrier: Carrier, reads: Sequence[HostRead]) -> tuple[Reply, ...] | Refusal:
    """Answer reads in one round trip."""
    nonce = _nonce()
    answer = await carrier.carry(shell.compile_gather(reads, nonce), shell.time_for_reads(reads))
    silent = _silent(answer, nonce)
    return silent or shell.parse_gather(reads, nonce, _stdout(answer))


async def run(carrier: Carrier, program: Program) -> ProgramReply | Refusal:
    """Run a program in one round trip."""
    nonce = _nonce()
    answer = await carrier.carry(shell.compile_program(program, nonce), shell.time_for_program(program))
    silent = _silent(answer, nonce)
    return silent or shell.parse_program(program, nonce, _stdout(answer))


async def wait_idle(carrier: Carrier, patience: float) -> Refusal | None:
    """Wait for the host's lock."""
    nonce = _nonce()
    answer = await carrier.carry(shell.compile_wait_idle(patience, nonce), patience + shell.time_for_reads(()))
    silent = _silent(answer, nonce)
    return silent or shell.parse_wait_idle(nonce, _stdout(answer))


def _nonce() -> str:
    return secrets.token_hex(12)


def _stdout(answer: Answer | Refusal) -> bytes:
    return answer.stdout if isinstance(answer, Answer) else b""


def _silent(answer: Answer | Refusal, nonce: str) -> Refusal | None:
    """The refusal where no program of ours has spoken."""
    if isinstance(answer, Refusal):
        return answer
    if f"{nonce} ".encode() in answer.stdout:
        return None
    shown = (answer.stderr or answer.stdout)[-2000:].decode("utf-8", "replace")
    return refusals.without_answer(shown, answer.status)
