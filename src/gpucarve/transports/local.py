"""The host that gpucarve itself runs on: programs go to a child process.

Boundary: processes and pipes. What is in a program and in its reply is `shell`'s.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence

from gpucarve.calls.primitives import HostRead
from gpucarve.calls.programs import Program, ProgramReply, Refusal, RefusalKind
from gpucarve.calls.replies import Reply
from gpucarve.transports import exchange
from gpucarve.transports.clock import RealClock
from gpucarve.transports.exchange import REPLY_BYTES, Answer
from gpucarve.transports.shell import BOOTSTRAP

_KEPT_ENVIRONMENT = ("HOME", "USER", "LOGNAME", "PATH")


class LocalTransport:
    """Answers the calls on this machine, as the user it runs as or through `sudo -n`.

    `interpreter` is the command that is a POSIX shell here.
    """

    def __init__(self, *, sudo: bool = False, interpreter: Sequence[str] = ("sh",)) -> None:
        self._argv = (*(("sudo", "-n", "--") if sudo else ()), *interpreter, "-c", BOOTSTRAP)
        self._clock = RealClock()
        self._pipes: set[asyncio.ReadTransport] = set()
        self._left: set[int] = set()

    @property
    def clock(self) -> RealClock:
        """The clock of this machine."""
        return self._clock

    async def gather(self, reads: Sequence[HostRead]) -> tuple[Reply, ...] | Refusal:
        """Answer every read in one process."""
        return await exchange.gather(self, reads)

    async def wait_idle(self, patience: float) -> Refusal | None:
        """Wait until no program holds this machine's lock."""
        return await exchange.wait_idle(self, patience)

    async def run(self, program: Program) -> ProgramReply | Refusal:
        """Run a program; it goes on when this process ends."""
        return await exchange.run(self, program)

    async def close(self) -> None:
        """Stop listening to programs under way: they go on, and whoever waits for one is told that it is lost."""
        for pipe in tuple(self._pipes):
            pipe.close()

    async def carry(self, program: bytes, seconds: float) -> Answer | Refusal:
        """Give the program to a new shell."""
        self._left = {pid for pid in self._left if not _ended(pid)}
        try:
            pid, stdout, stderr = _start(self._argv, program)
        except OSError as error:
            return Refusal(RefusalKind.UNFIT, f"{self._argv[0]} could not be started: {error}")
        heard = [await self._listen(end) for end in (stdout, stderr)]
        status = None
        try:
            async with asyncio.timeout(seconds):
                await asyncio.gather(*(collected.ended for _, collected in heard))
                status = await _status(pid)
        except TimeoutError:
            pass
        finally:
            if status is None:
                self._left.add(pid)
            for pipe, _ in heard:
                pipe.close()
                self._pipes.discard(pipe)
        said, complained = (bytes(collected.content) for _, collected in heard)
        return Answer(said, complained, status)

    async def _listen(self, end: int) -> tuple[asyncio.ReadTransport, _Collected]:
        pipe, collected = await asyncio.get_running_loop().connect_read_pipe(_Collected, os.fdopen(end, "rb", 0))
        self._pipes.add(pipe)
        return pipe, collected


class _Collected(asyncio.Protocol):
    """What came out of a pipe; `ended` when it was closed, by whichever side, or brought more than a reply may hold."""

    def __init__(self) -> None:
        self.content = bytearray()
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pipe: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._pipe = transport

    def data_received(self, data: bytes) -> None:
        self.content += data
        if len(self.content) > REPLY_BYTES and self._pipe:
            self._pipe.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


def _start(argv: tuple[str, ...], program: bytes) -> tuple[int, int, int]:
    """Start a shell on a program; its id and the reading ends of its stdout and stderr.

    It has a session of its own, so that an interrupt at our terminal is not the program's, and nothing here kills it.
    """
    text = os.memfd_create("program")
    out, out_end = os.pipe()
    err, err_end = os.pipe()
    try:
        with os.fdopen(os.dup(text), "wb") as stream:
            stream.write(program)
        os.lseek(text, 0, os.SEEK_SET)
        actions = [(os.POSIX_SPAWN_DUP2, end, number) for number, end in enumerate((text, out_end, err_end))]
        environment = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
        pid = os.posix_spawnp(
            argv[0], argv, environment, file_actions=actions, setsid=True, setsigdef=(signal.SIGPIPE, signal.SIGXFSZ)
        )
    except BaseException:
        os.close(out)
        os.close(err)
        raise
    finally:
        for end in (text, out_end, err_end):
            os.close(end)
    return pid, out, err


def _ended(pid: int) -> bool:
    return os.waitpid(pid, os.WNOHANG)[0] == pid


async def _status(pid: int) -> int | None:
    """The exit status; None when the shell lives on with its output closed."""
    for pause in (0.0, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0):
        await asyncio.sleep(pause)
        found, status = os.waitpid(pid, os.WNOHANG)  # noqa: ASYNC222 - WNOHANG does not wait
        if found == pid:
            return os.waitstatus_to_exitcode(status)
    return None
