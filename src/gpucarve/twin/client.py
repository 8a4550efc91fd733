"""Reaching a world that lives in another process: the same transports, over its socket.

Boundary: implements the protocols of `gpucarve.calls.transport`; connects when first asked, and never raises for what
the world does or for its being gone: that is a refusal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

from gpucarve.calls.primitives import HostRead, HostWrite, Read, Write
from gpucarve.calls.programs import Program, ProgramReply, Refusal, RefusalKind
from gpucarve.calls.replies import Failure, FailureKind, Reply
from gpucarve.calls.transport import Clock, ClusterTransport, HostTransport
from gpucarve.errors import BugError, UnreachableError
from gpucarve.model.hosts import Target
from gpucarve.twin import faults, protocol
from gpucarve.twin.errors import Impossible
from gpucarve.twin.faults import Effect, Fault
from gpucarve.twin.history import Deed, Kind


def connect(path: Path) -> RemoteWorld:
    """A way to the world that listens on this socket; nothing is sent yet."""
    return RemoteWorld(_Line(path))


class _NotSentError(Exception):
    """The world's process cannot be reached; nothing was sent."""


class _LostError(Exception):
    """It was sent, and the world's process went away before it answered."""


class _Line:
    """One connection, on which many requests can be under way."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._reader_task: asyncio.Task[None] | None = None
        self._opening = asyncio.Lock()

    async def ask(self, verb: str, target: str = "", body: Any = None) -> Any:
        """The reply to one request.

        Raises _NotSentError, _LostError, Impossible, and BugError for what the world cannot answer.
        """
        number = next(self._numbers)
        text = protocol.line({"id": number, "ask": verb, "target": target, "body": body})
        writer = await self._open()
        waiter: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = waiter
        try:
            writer.write(text)
            await writer.drain()
            message = await waiter
        except ConnectionError as error:
            raise _LostError(str(error)) from error
        finally:
            self._waiting.pop(number, None)
        if "impossible" in message:
            raise Impossible(message["impossible"])
        if "error" in message:
            raise BugError(f"the twin cannot answer {verb}: {message['error']}")
        return message["reply"]

    async def _open(self) -> asyncio.StreamWriter:
        async with self._opening:
            if self._writer is None:
                try:
                    reader, self._writer = await asyncio.open_unix_connection(self._path, limit=protocol.LONGEST)
                except OSError as error:
                    raise _NotSentError(f"{self._path}: {error.strerror or error}") from error
                self._reader_task = asyncio.create_task(self._read(reader))
            return self._writer

    async def _read(self, reader: asyncio.StreamReader) -> None:
        reason = "the world's process went away"
        try:
            while text := await reader.readline():
                message = protocol.parse(text)
                waiter = self._waiting.get(message["id"])
                if waiter is not None and not waiter.done():
                    waiter.set_result(message)
        except (ConnectionError, ValueError) as error:
            reason = str(error)
        finally:
            if self._writer is not None:
                self._writer.close()
                self._writer = None
            for waiter in self._waiting.values():
                if not waiter.done():
                    waiter.set_exception(ConnectionResetError(reason))

    async def close(self) -> None:
        """Let go; the world notices nothing but that."""
        if self._writer is not None:
            self._writer.close()
        if self._reader_task is not None:
            self._reader_task.cancel()
            await asyncio.wait((self._reader_task,))


class RemoteClock:
    """The world's clock, from afar."""

    def __init__(self, line: _Line) -> None:
        self._line = line

    async def now(self) -> float:
        """Virtual seconds since the world began. Raises UnreachableError without the world."""
        return float(await self._ask("now"))

    async def sleep(self, seconds: float) -> None:
        """Return once that much virtual time has passed. Raises UnreachableError without the world."""
        await self._ask("sleep", seconds)

    async def _ask(self, verb: str, body: Any = None) -> Any:
        try:
            return await self._line.ask(verb, body=body)
        except (_NotSentError, _LostError) as error:
            raise UnreachableError(str(error), hint="start the twin's process again") from error


class RemoteHost:
    """Implements `HostTransport`."""

    def __init__(self, line: _Line, target: Target, clock: RemoteClock) -> None:
        self._line = line
        self._target = str(target)
        self._clock = clock

    @property
    def clock(self) -> Clock:
        """The world's clock."""
        return self._clock

    async def gather(self, reads: Sequence[HostRead]) -> tuple[Reply, ...] | Refusal:
        """Answer every read, in order."""
        replies: tuple[Reply, ...] | Refusal = await self._ask("gather", protocol.encode(tuple(reads)))
        return replies

    async def wait_idle(self, patience: float) -> Refusal | None:
        """Wait until no program holds the host's lock."""
        refusal: Refusal | None = await self._ask("wait_idle", patience)
        return refusal

    async def run(self, program: Program) -> ProgramReply | Refusal:
        """Run a program; it goes on when this process ends."""
        reply: ProgramReply | Refusal = await self._ask("run", protocol.encode(program))
        return reply

    async def close(self) -> None:
        """Let go of this host."""
        await self._ask("close")

    async def _ask(self, verb: str, body: Any = None) -> Any:
        try:
            return protocol.decode(await self._line.ask(verb, self._target, body))
        except _NotSentError as error:
            return Refusal(RefusalKind.UNREACHABLE, str(error))
        except _LostError as error:
            return Refusal(RefusalKind.LOST, str(error))


class RemoteCluster:
    """Implements `ClusterTransport`."""

    def __init__(self, line: _Line, target: Target, clock: RemoteClock) -> None:
        self._line = line
        self._target = str(target)
        self._clock = clock

    @property
    def clock(self) -> Clock:
        """The world's clock."""
        return self._clock

    async def ask(self, call: Read[Any] | Write[Any]) -> Reply:
        """Answer one call of `gpucarve.calls.objects`."""
        try:
            reply: Reply = protocol.decode(await self._line.ask("cluster", self._target, protocol.encode(call)))
        except (_NotSentError, _LostError) as error:
            return Failure(FailureKind.UNREACHABLE, str(error))
        return reply

    async def close(self) -> None:
        """There is nothing to let go of."""


class Admin:
    """The other side of `gpucarve.twin.admin`: what is done to a host of the world from outside.

    Its verbs raise Impossible for what cannot be done there.
    """

    def __init__(self, line: _Line, target: Target) -> None:
        self._line = line
        self._target = str(target)

    async def place(self, fault: Fault) -> None:
        """Let a fault wait for its moment."""
        await self._line.ask("place", self._target, faults.to_json(fault))

    async def strike(self, effect: Effect) -> None:
        """Let it happen now."""
        await self._line.ask("strike", self._target, faults.effect_to_json(effect))

    async def start_guest(self, device: str, name: str) -> int:
        """A guest that uses a vGPU (its UUID), or what is free on a GPU (its address); its process id."""
        return int(await self._line.ask("guest", self._target, {"device": device, "name": name}))

    async def stop_guest(self, name: str) -> None:
        """Shut a guest down."""
        await self._line.ask("guest-stop", self._target, {"name": name})

    async def add_process(self, argv: Sequence[str], opened: Sequence[str] = (), locks: Sequence[str] = ()) -> int:
        """A process that somebody else started; its id."""
        body = {"argv": list(argv), "open": list(opened), "locks": list(locks)}
        return int(await self._line.ask("process", self._target, body))

    async def kill(self, pid: int) -> None:
        """SIGKILL a process."""
        await self._line.ask("kill", self._target, {"pid": pid})

    async def by_hand(self, write: HostWrite) -> Reply:
        """Somebody at the keyboard carries out one call, without lock or lease."""
        reply: Reply = protocol.decode(await self._line.ask("hand", self._target, {"write": protocol.encode(write)}))
        return reply

    async def pace(self, seconds: float) -> None:
        """Let each step of a program take that many real seconds."""
        await self._line.ask("pace", self._target, {"seconds": seconds})

    async def counts(self) -> dict[str, int]:
        """How many requests and writes the host has seen, by the names of `faults.Point`."""
        counted: dict[str, int] = await self._line.ask("counts", self._target)
        return counted

    async def history(self) -> tuple[Deed, ...]:
        """What programs did to the host since the world began."""
        told = await self._line.ask("history", self._target)
        return tuple(Deed(each["time"], Kind(each["kind"]), each["text"]) for each in told)


class RemoteWorld:
    """A world in another process, with the interface of `worlds.World` and its admin's."""

    def __init__(self, line: _Line) -> None:
        self._line = line
        self.clock = RemoteClock(line)

    def host(self, target: Target) -> HostTransport:
        """A connection to a host; that it is not there shows when it is asked."""
        return RemoteHost(self._line, target, self.clock)

    def cluster(self, target: Target) -> ClusterTransport:
        """A connection to a cluster; that it is not there shows when it is asked."""
        return RemoteCluster(self._line, target, self.clock)

    def admin(self, target: Target) -> Admin:
        """What can be done to a host from outside."""
        return Admin(self._line, target)

    async def snapshot(self) -> dict[str, Any]:
        """The whole world as JSON, in the form of a world file."""
        scene: dict[str, Any] = await self._line.ask("snapshot")
        return scene

    async def advance(self, seconds: float) -> None:
        """Let virtual time pass at once."""
        await self._line.ask("advance", body={"seconds": seconds})

    async def set_speed(self, speed: float | None) -> None:
        """At most that many virtual seconds a real one; None lets time jump."""
        await self._line.ask("speed", body={"speed": speed})

    async def close(self) -> None:
        """Let go of the connection; the world lives on."""
        await self._line.close()
