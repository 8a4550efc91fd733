"""The host transport onto a simulated machine: requests come in, are served while the machine can be reached, or lost.

Boundary: implements `gpucarve.calls.transport.HostTransport` in the world's own process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from gpucarve.calls.primitives import HostRead
from gpucarve.calls.programs import Program, ProgramReply, Refusal, RefusalKind
from gpucarve.calls.replies import Reply
from gpucarve.calls.transport import Clock
from gpucarve.twin import programs
from gpucarve.twin.faults import Point
from gpucarve.twin.hosts import Died, SimulatedHost

T = TypeVar("T")

_CONNECT_PATIENCE = 10.0
_RETRY = 1.0
_ROUND_TRIP = 0.02


class TwinHost:
    """One controller's connection to one simulated host."""

    def __init__(self, host: SimulatedHost) -> None:
        self._host = host
        self._lines: set[asyncio.Future[None]] = set()

    @property
    def clock(self) -> Clock:
        """The world's clock."""
        return self._host.clock

    async def gather(self, reads: Sequence[HostRead]) -> tuple[Reply, ...] | Refusal:
        """Answer every read, in order."""
        return await self._ask(self._gather(tuple(reads)))

    async def _gather(self, reads: tuple[HostRead, ...]) -> tuple[Reply, ...]:
        replies = await programs.read_all(self._host, reads)
        await self._host.elapse(_ROUND_TRIP)
        return replies

    async def wait_idle(self, patience: float) -> Refusal | None:
        """Wait until no program holds the host's lock."""
        return await self._ask(self._wait_idle(patience))

    async def _wait_idle(self, patience: float) -> Refusal | None:
        await self._host.elapse(_ROUND_TRIP)
        holder = await programs.wait_for_lock(self._host, patience)
        return None if holder is None else programs.locked(self._host, holder)

    async def run(self, program: Program) -> ProgramReply | Refusal:
        """Run a program; it goes on when this call is given up or the connection breaks."""
        return await self._ask(self._run(program))

    async def _run(self, program: Program) -> ProgramReply | Refusal:
        await self._host.elapse(_ROUND_TRIP)
        return await programs.execute(self._host, program)

    async def close(self) -> None:
        """Let go; programs under way go on."""
        self.drop()

    def drop(self) -> None:
        """Break this connection: requests under way are lost."""
        for line in self._lines:
            if not line.done():
                line.set_result(None)

    async def _ask(self, work: Coroutine[Any, Any, T]) -> T | Refusal:
        host = self._host
        host.count(Point.REQUEST)
        if not await self._reach():
            work.close()
            return Refusal(RefusalKind.UNREACHABLE, f"{host.target} does not answer")
        line = host.connect()
        self._lines.add(line)
        task = asyncio.ensure_future(work)
        host.keep(task)
        try:
            await asyncio.wait((task, line), return_when=asyncio.FIRST_COMPLETED)
        finally:
            host.disconnect(line)
            self._lines.discard(line)
        lost = Refusal(RefusalKind.LOST, f"the connection to {host.target} ended first")
        if line.done():
            return lost
        return lost if isinstance(task.exception(), Died) else task.result()

    async def _reach(self) -> bool:
        """Whether the host answers, tried for a while."""
        deadline = self._host.clock.time + _CONNECT_PATIENCE
        while not self._host.reachable:
            if self._host.clock.time >= deadline:
                return False
            await self._host.clock.sleep(_RETRY)
        return True
