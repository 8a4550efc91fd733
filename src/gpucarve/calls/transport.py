"""The protocols of whoever answers: a host's transport, a cluster's transport, and the clock.

Boundary: signatures only. Implementations: `gpucarve.transports` and `gpucarve.twin`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from gpucarve.calls.primitives import HostRead, Read, Write
from gpucarve.calls.programs import Program, ProgramReply, Refusal
from gpucarve.calls.replies import Reply


class Clock(Protocol):
    """Time as the world behind a transport has it; virtual on a twin."""

    async def now(self) -> float:
        """Monotonic seconds."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after that much time has passed."""
        ...


class HostTransport(Protocol):
    """Answers the calls on one host. Never raises for what the host does or fails to do."""

    @property
    def clock(self) -> Clock:
        """The clock to wait by."""
        ...

    async def gather(self, reads: Sequence[HostRead]) -> tuple[Reply, ...] | Refusal:
        """Answer every read, in order, in one round trip; takes no lock and writes nothing on the host."""
        ...

    async def wait_idle(self, patience: float) -> Refusal | None:
        """Wait until no program holds the host's lock (an orphan of a dead controller), at most `patience` seconds.

        None when the lock was free or came free; `Refusal(LOCKED)` names who holds it still.
        """
        ...

    async def run(self, program: Program) -> ProgramReply | Refusal:
        """Run a program by the semantics of `gpucarve.calls.programs`, in one round trip."""
        ...

    async def close(self) -> None:
        """Let go of connections. Work under way on the host goes on."""
        ...


class ClusterTransport(Protocol):
    """Answers the calls on one cluster's API. Never raises for what the server does."""

    @property
    def clock(self) -> Clock:
        """The clock to wait by."""
        ...

    async def ask(self, call: Read[Any] | Write[Any]) -> Reply:
        """Answer one call of `gpucarve.calls.objects`."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
