"""A world whose every exchange is kept: what the engine really asked the guest, in its order.

Boundary: passes everything on; what is done with the exchanges is `judging`'s.
"""

from __future__ import annotations

from gpucarve.app.worlds import World
from gpucarve.calls.transport import HostTransport
from gpucarve.model.hosts import Target
from gpucarve.transports.replay import Exchange, Recorder
from tests.kernel.alike.steps import Act


class RecordedWorld:
    """Another world, with one recorder for each host; its exchanges go to `kept` when the world is closed."""

    def __init__(self, world: World, kept: list[Exchange | Act]) -> None:
        self._world = world
        self._kept = kept
        self._recorders: dict[Target, Recorder] = {}

    def host(self, target: Target) -> HostTransport:
        """The transport of one host, recorded."""
        return self._recorders.setdefault(target, Recorder(self._world.host(target)))

    async def close(self) -> None:
        """Let go of everything, and hand over what was said."""
        for recorder in self._recorders.values():
            self._kept += recorder.exchanges
        await self._world.close()
