"""Asking the guest once: every exchange of a scene, and what happened between them.

Boundary: needs a running guest; what comes out of it does not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from gpucarve.calls.primitives import Inspect
from gpucarve.calls.programs import Refusal
from gpucarve.calls.replies import Exited
from gpucarve.calls.transport import HostTransport
from gpucarve.transports.replay import Exchange, Recorder
from gpucarve.transports.ssh import SshTransport
from gpucarve.transports.ssh_endpoint import SshEndpoint
from tests.kernel.alike import boots
from tests.kernel.alike.portrait import ASKED, Portrait
from tests.kernel.alike.steps import Act, Step, Wait
from tests.kernel.guest import Guest

T = TypeVar("T")


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

    @property
    def boots(self) -> tuple[str, ...]:
        """The ids of the guest's boots, in the order in which they were read."""
        return tuple(dict.fromkeys(boot for exchange in self.exchanges for boot in boots.told(exchange)))


def portrait_of(guest: Guest, *, functions: bool = False) -> Portrait:
    """What the guest is now."""

    async def ask(transport: HostTransport) -> Portrait:
        replies = await transport.gather(ASKED)
        assert not isinstance(replies, Refusal), replies
        return Portrait(replies, functions)

    return asyncio.run(_with(guest, ask))


def recorded(guest: Guest, steps: Sequence[Step]) -> tuple[Exchange | Act, ...]:
    """What the guest answers to these steps."""
    return asyncio.run(_with(guest, lambda transport: record(transport, steps)))


async def _with(guest: Guest, ask: Callable[[HostTransport], Awaitable[T]]) -> T:
    """Ask over one connection, as root: sudo takes its time, and the bench's other tests go through it."""
    known_hosts, identity = str(guest.known_hosts), str(guest.key)
    endpoint = SshEndpoint(guest.host, port=guest.port, user="root", known_hosts=known_hosts, identity=identity)
    transport = SshTransport(endpoint)
    try:
        return await ask(transport)
    finally:
        await transport.close()


async def record(transport: HostTransport, steps: Sequence[Step]) -> tuple[Exchange | Act, ...]:
    """Ask the guest every step in its turn."""
    events: list[Exchange | Act] = []
    for step in steps:
        recorder = Recorder(transport)
        match step:
            case Act():
                await _happen(transport, step)
                events.append(step)
            case Wait(patience):
                await recorder.wait_idle(patience)
            case tuple():
                await recorder.gather(step)
            case program:
                await recorder.run(program)
        events += recorder.exchanges
    return tuple(events)


async def _happen(transport: HostTransport, act: Act) -> None:
    """By the connection that is there, unrecorded: a new one costs the guest seconds."""
    replies = await transport.gather((Inspect(("sh", "-euc", act.guest), deadline=60),))
    assert not isinstance(replies, Refusal), replies
    assert isinstance(replies[0], Exited), replies
    assert replies[0].status == 0, (act.what, replies)
