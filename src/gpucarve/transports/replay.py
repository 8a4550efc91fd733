"""Recorded exchanges with a host, and a transport that answers from them.

A recording is JSON: what was asked and what was answered, in order, by `calls.wire`. A secret in it is `***`.

Boundary: values and text; whoever keeps a recording reads and writes the file.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gpucarve.calls import wire
from gpucarve.calls.primitives import HostRead, HostWrite, Run, WriteFile
from gpucarve.calls.programs import Acquire, Hold, Program, ProgramReply, Refusal, RefusalKind, Release
from gpucarve.calls.replies import Failure, FailureKind, Reply
from gpucarve.calls.secret import Secret
from gpucarve.calls.transport import Clock, HostTransport
from gpucarve.transports.clock import SkippingClock

FORMAT = "gpucarve/recording/v1"
_MASK = b"***"


@dataclass(frozen=True, slots=True)
class Gathered:
    """Reads and what came back."""

    asked: tuple[HostRead, ...]
    answer: tuple[Reply, ...] | Refusal


@dataclass(frozen=True, slots=True)
class Waited:
    """A wait for the host's lock, so many seconds at most, and how it ended."""

    asked: float
    answer: Refusal | None


@dataclass(frozen=True, slots=True)
class Ran:
    """A program and its reply."""

    asked: Program
    answer: ProgramReply | Refusal


Exchange = Gathered | Waited | Ran
_KINDS: dict[str, type[Exchange]] = {"gathered": Gathered, "waited": Waited, "ran": Ran}


class Recorder:
    """Passes everything on to a transport and keeps what was said."""

    def __init__(self, transport: HostTransport) -> None:
        self._transport = transport
        self._exchanges: list[Exchange] = []

    @property
    def clock(self) -> Clock:
        """The transport's clock."""
        return self._transport.clock

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """Everything so far, in order."""
        return tuple(self._exchanges)

    async def gather(self, reads: Sequence[HostRead]) -> tuple[Reply, ...] | Refusal:
        """Ask the transport, and keep it."""
        answer = await self._transport.gather(reads)
        self._exchanges.append(Gathered(tuple(reads), answer))
        return answer

    async def wait_idle(self, patience: float) -> Refusal | None:
        """Ask the transport, and keep it."""
        answer = await self._transport.wait_idle(patience)
        self._exchanges.append(Waited(patience, answer))
        return answer

    async def run(self, program: Program) -> ProgramReply | Refusal:
        """Ask the transport, and keep it, secrets masked."""
        answer = await self._transport.run(program)
        self._exchanges.append(Ran(_masked(program), answer))
        return answer

    async def close(self) -> None:
        """Let the transport go of its connections."""
        await self._transport.close()


class Replay:
    """Answers from recorded exchanges, without a host and without waiting.

    What was recorded between two programs answers what is asked between them. A program is answered when it is the next
    one recorded, whatever its holder, run and fence.
    """

    def __init__(self, exchanges: Sequence[Exchange]) -> None:
        self._left = list(exchanges)
        self._passed: list[Exchange] = []
        self._clock = SkippingClock()

    @property
    def clock(self) -> SkippingClock:
        """A clock that does not wait."""
        return self._clock

    async def gather(self, reads: Sequence[HostRead]) -> tuple[Reply, ...] | Refusal:
        """The same question's next answer; else each read's last one, or that it is not in the recording."""
        for exchange in self._here():
            if isinstance(exchange, Gathered) and exchange.asked == tuple(reads):
                self._take(exchange)
                return exchange.answer
        known: dict[HostRead, Reply] = {}
        for exchange in (*self._passed, *self._here()):
            if isinstance(exchange, Gathered) and isinstance(exchange.answer, tuple):
                known |= dict(zip(exchange.asked, exchange.answer, strict=True))
        return tuple(
            known.get(read, Failure(FailureKind.OTHER, f"not in the recording: {read}"[:500])) for read in reads
        )

    async def wait_idle(self, patience: float) -> Refusal | None:
        """The next recorded wait's answer, whatever its patience."""
        for exchange in self._here():
            if isinstance(exchange, Waited):
                self._take(exchange)
                return exchange.answer
        return Refusal(RefusalKind.UNFIT, "the recording has no such wait here")

    async def run(self, program: Program) -> ProgramReply | Refusal:
        """The next recorded program's answer, when it is this program."""
        for position, exchange in enumerate(self._left):
            if isinstance(exchange, Ran):
                if _anonymous(_masked(program)) != _anonymous(exchange.asked):
                    text = f"the recording goes on with another program: {exchange.asked}"
                    return Refusal(RefusalKind.UNFIT, text[:500])
                del self._left[: position + 1]
                self._passed.clear()
                return exchange.answer
        return Refusal(RefusalKind.UNFIT, "the recording has no further program")

    async def close(self) -> None:
        """Nothing to let go of."""

    def _here(self) -> list[Exchange]:
        """What was recorded before the next program."""
        return list(itertools.takewhile(lambda exchange: not isinstance(exchange, Ran), self._left))

    def _take(self, exchange: Exchange) -> None:
        self._left.remove(exchange)
        self._passed.append(exchange)


def dump(exchanges: Sequence[Exchange]) -> str:
    """The recording as JSON."""
    data = [
        {"kind": kind, "asked": wire.encode(exchange.asked), "answer": wire.encode(exchange.answer)}
        for exchange in exchanges
        for kind, cls in _KINDS.items()
        if isinstance(exchange, cls)
    ]
    return json.dumps({"format": FORMAT, "exchanges": data}, indent=1)


def load(text: str) -> tuple[Exchange, ...]:
    """Read a recording. Raises ValueError on anything else."""
    data: Any = json.loads(text)
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ValueError(f"not a recording: its format is not {FORMAT}")
    try:
        return tuple(
            _KINDS[entry["kind"]](wire.decode(entry["asked"]), wire.decode(entry["answer"]))
            for entry in data["exchanges"]
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"the recording is damaged: {error!r}") from error


def _masked(program: Program) -> Program:
    writes = tuple(dataclasses.replace(g, write=_mask(g.write)) for g in program.writes)
    return dataclasses.replace(program, writes=writes)


def _mask(write: HostWrite) -> HostWrite:
    match write:
        case WriteFile(content=Secret()):
            return dataclasses.replace(write, content=_MASK)
        case Run(stdin=Secret()):
            return dataclasses.replace(write, stdin=_MASK)
        case _:
            return write


def _anonymous(program: Program) -> Program:
    """Without what differs from run to run."""
    lease: Acquire | Hold | Release
    match program.lease:
        case Acquire(seconds, _, ends):
            lease = Acquire(seconds, ends=ends)
        case Hold(_, seconds):
            lease = Hold(0, seconds)
        case Release():
            lease = Release(0)
    return dataclasses.replace(program, holder="x", run="x", lease=lease)
