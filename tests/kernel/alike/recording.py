"""Asking the guest once: every exchange of a scene, and what happened between them.

Boundary: needs a running guest; what comes out of it does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gpucarve.calls.transport import HostTransport
from gpucarve.transports.replay import Exchange, Recorder
from tests.kernel.alike.portrait import Portrait
from tests.kernel.alike.steps import Act, Step, Wait
from tests.kernel.guest import Guest


@dataclass(frozen=True, slots=True)
class Recording:
    """What the machine was before, and then exchanges and acts in their order."""

    name: str
    portrait: Portrait
    events: tuple[Exchange | Act, ...]

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """Without what happened from outside."""
        return tuple(event for event in self.events if not isinstance(event, Act))


async def record(guest: Guest, transport: HostTransport, steps: Sequence[Step]) -> tuple[Exchange | Act, ...]:
    """Ask the guest every step in its turn."""
    events: list[Exchange | Act] = []
    for step in steps:
        recorder = Recorder(transport)
        match step:
            case Act():
                guest.shell(step.guest)
                events.append(step)
            case Wait(patience):
                await recorder.wait_idle(patience)
            case tuple():
                await recorder.gather(step)
            case program:
                await recorder.run(program)
        events += recorder.exchanges
    return tuple(events)
