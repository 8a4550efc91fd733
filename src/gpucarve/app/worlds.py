"""How targets are reached: over SSH for a real fleet, by a socket for a twin.

Boundary: transports are opened here and nowhere else.
"""

from __future__ import annotations

from typing import Protocol

from gpucarve.calls.transport import HostTransport
from gpucarve.model.hosts import Target


class World(Protocol):
    """How hosts are reached."""

    def host(self, target: Target) -> HostTransport:
        """The transport of one host."""
        ...

    async def close(self) -> None:
        """Let go of everything."""
        ...
