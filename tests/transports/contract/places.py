"""Every place the contract is held to: a transport with the world behind it.

A place is an async context manager that takes a scratch folder; `missing` says why it cannot be had here. Another
room's implementation joins by an entry in `PLACES`.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from gpucarve.calls.primitives import HostRead
from gpucarve.calls.programs import Program, ProgramReply, Refusal
from gpucarve.calls.replies import Reply
from gpucarve.calls.transport import Clock, HostTransport
from gpucarve.transports.local import LocalTransport
from gpucarve.transports.replay import Exchange, Recorder, Replay, dump, load
from gpucarve.transports.ssh import SshTransport
from tests.transports.contract import namespaces, sshd
from tests.transports.contract.world import World
from tests.twin.contract_world import twin_world


@dataclass(frozen=True)
class Place:
    """What one test works with. `another` is a second, independent connection to the same machine."""

    transport: HostTransport
    world: World
    another: Callable[[], HostTransport]


Maker = Callable[[Path], AbstractAsyncContextManager[Place]]


@dataclass(frozen=True)
class Kind:
    """How a place is made, and why it cannot be."""

    make: Maker
    missing: Callable[[], str]


def _local(*interpreter: str, applets: bool = False) -> Kind:
    def missing() -> str:
        return namespaces.missing() or ("" if shutil.which(interpreter[0]) else f"there is no {interpreter[0]} (apt)")

    @asynccontextmanager
    async def make(_: Path) -> AsyncIterator[Place]:
        with namespaces.namespace(applets=applets) as world:
            command = (*world.enter, *interpreter)
            transport = LocalTransport(interpreter=command)
            try:
                yield Place(transport, world, lambda: LocalTransport(interpreter=command))
            finally:
                await transport.close()

    return Kind(make, missing)


@asynccontextmanager
async def _ssh(folder: Path) -> AsyncIterator[Place]:
    with namespaces.namespace() as world:
        server = sshd.serve(world, folder)
        transport = SshTransport(server.endpoint())
        others: list[SshTransport] = []

        def another() -> SshTransport:
            others.append(SshTransport(server.endpoint()))
            return others[-1]

        try:
            yield Place(transport, world, another)
        finally:
            for open_ in (transport, *others):
                await open_.close()


@asynccontextmanager
async def _replay(_: Path) -> AsyncIterator[Place]:
    with namespaces.namespace() as world:
        command = (*world.enter, "sh")
        transport = RecordedFirst(LocalTransport(interpreter=command))
        try:
            yield Place(transport, world, lambda: LocalTransport(interpreter=command))
        finally:
            await transport.close()


@asynccontextmanager
async def _twin(_: Path) -> AsyncIterator[Place]:
    async with twin_world() as (world, connect):
        yield Place(connect(), world, connect)


class RecordedFirst:
    """Asks a transport, and answers what a replay of the recording says, through the recording's text."""

    def __init__(self, transport: HostTransport) -> None:
        self._recorder = Recorder(transport)

    @property
    def clock(self) -> Clock:
        return self._recorder.clock

    async def gather(self, reads: Sequence[HostRead]) -> tuple[Reply, ...] | Refusal:
        await self._recorder.gather(reads)
        return await Replay(self._last()).gather(reads)

    async def wait_idle(self, patience: float) -> Refusal | None:
        await self._recorder.wait_idle(patience)
        return await Replay(self._last()).wait_idle(patience)

    async def run(self, program: Program) -> ProgramReply | Refusal:
        await self._recorder.run(program)
        return await Replay(self._last()).run(program)

    async def close(self) -> None:
        await self._recorder.close()

    def _last(self) -> tuple[Exchange, ...]:
        return load(dump(self._recorder.exchanges[-1:]))


PLACES: dict[str, Kind] = {
    "dash": _local("dash"),
    "bash": _local("bash"),
    "bash-posix": _local("bash", "--posix"),
    "busybox": _local("busybox", "sh", applets=True),
    "ssh": Kind(_ssh, lambda: namespaces.missing() or sshd.missing()),
    "replay": Kind(_replay, namespaces.missing),
    "twin": Kind(_twin, str),
}
