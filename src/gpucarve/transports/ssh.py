"""A host reached by ssh: programs go to a shell of its own for each, over one connection that is kept.

Host keys are always verified. `~/.ssh/config`, the agent and the usual keys serve as they do for ssh(1). No terminal is
asked for; a user other than root goes through `sudo -n`.

Boundary: connections. The client library is imported when the first connection is made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gpucarve.calls.primitives import HostRead
from gpucarve.calls.programs import Program, ProgramReply, Refusal, RefusalKind
from gpucarve.calls.replies import Reply
from gpucarve.transports import exchange
from gpucarve.transports.clock import RealClock
from gpucarve.transports.exchange import Answer
from gpucarve.transports.ssh_endpoint import SshEndpoint

if TYPE_CHECKING:
    from gpucarve.transports.ssh_connection import Connection


class SshTransport:
    """Answers the calls on one host by ssh; connects when first asked, and again when a connection was lost."""

    def __init__(self, endpoint: SshEndpoint) -> None:
        self._endpoint = endpoint
        self._clock = RealClock()
        self._connection: Connection | None = None
        self._connecting = asyncio.Lock()

    @property
    def clock(self) -> RealClock:
        """The clock of this machine."""
        return self._clock

    async def gather(self, reads: Sequence[HostRead]) -> tuple[Reply, ...] | Refusal:
        """Answer every read in one round trip."""
        return await exchange.gather(self, reads)

    async def wait_idle(self, patience: float) -> Refusal | None:
        """Wait until no program holds the host's lock."""
        return await exchange.wait_idle(self, patience)

    async def run(self, program: Program) -> ProgramReply | Refusal:
        """Run a program in one round trip; it goes on when the connection is lost."""
        return await exchange.run(self, program)

    async def close(self) -> None:
        """End the connection; programs under way go on, and whoever waits for one is told that it is lost."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def carry(self, program: bytes, seconds: float) -> Answer | Refusal:
        """Give the program to a new shell on the host; a connection found dead is made anew once."""
        answer: Answer | Refusal = Refusal(RefusalKind.UNREACHABLE)
        for _ in range(2):
            connection = await self._connected()
            if isinstance(connection, Refusal):
                return connection
            answer = await connection.carry(program, seconds)
            if not isinstance(answer, Refusal):
                return answer
            await self.close()
        return answer

    async def _connected(self) -> Connection | Refusal:
        async with self._connecting:
            if self._connection is not None and self._connection.alive:
                return self._connection
            try:
                from gpucarve.transports.ssh_connection import connect  # noqa: PLC0415 - heavy, and an extra
            except ModuleNotFoundError as error:
                fix = "install gpucarve with its ssh extra: gpucarve[ssh]"
                return Refusal(RefusalKind.UNREACHABLE, f"ssh needs {error.name}, which is not installed", fix=fix)
            connection = await connect(self._endpoint)
            if not isinstance(connection, Refusal):
                self._connection = connection
            return connection
