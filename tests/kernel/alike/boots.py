"""A boot in the middle of a recording: when the guest was going down, coming up, or at work for itself.

Which question still finds the old boot, and which one the boot unit at its work, is a matter of moments. So the twin
reboots where the recording tells of another boot, and has its unit's work behind it before it is asked on. What the
guest answered meanwhile is not asked.

Boundary: moments; what is asked otherwise, and compared, is `judging`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gpucarve.calls.programs import Refusal, RefusalKind
from gpucarve.calls.replies import Exited, Files
from gpucarve.transports.replay import Exchange
from gpucarve.twin.hosts import SimulatedHost
from tests.kernel.alike.answers import parts
from tests.kernel.alike.portrait import BOOT_ID
from tests.kernel.alike.steps import Act

_STEP, _PATIENCE = 1.0, 3600.0


def told(exchange: Exchange) -> Iterator[str]:
    """The ids of boots that an exchange tells."""
    for part in parts(exchange):
        if isinstance(part.answer, Files):
            yield from (file.text() for file in part.answer.entries if file.path == BOOT_ID)


def coming(events: Sequence[Exchange | Act]) -> list[str]:
    """For each event the boot that it, or the first one after it that tells, tells of; empty where none does."""
    found, known = [""] * len(events), ""
    for place, event in reversed(list(enumerate(events))):
        known = known if isinstance(event, Act) else next(told(event), known)
        found[place] = known
    return found


async def follow(host: SimulatedHost, boot: str) -> None:
    """Let time pass: until a machine that goes down is in that boot, one that is off runs, its boot unit is done.

    One that never is there is asked all the same, and says so.
    """
    waited = 0.0
    while waited < _PATIENCE and (_goes_down(host, boot) or not host.reachable or _at_work(host)):
        await host.clock.sleep(_STEP)
        waited += _STEP


def _goes_down(host: SimulatedHost, boot: str) -> bool:
    running, schedule = host.machine.running, host.machine.schedule
    return running is not None and schedule.stops_at is not None and boot not in ("", running.boot.boot_id)


def _at_work(host: SimulatedHost) -> bool:
    return host.machine.schedule.boot_unit_ends_at is not None


def amid(host: SimulatedHost, exchange: Exchange) -> bool:
    """Whether the guest answered on its way down or up, or while its boot unit held the lock or was seen at work."""
    match exchange.answer:
        case Refusal(RefusalKind.UNREACHABLE):
            return True
        case Refusal(RefusalKind.LOCKED):
            return host.lock_holder() is None
        case tuple(replies):
            return any(isinstance(each, Exited) and b"ActiveState=activating\n" in each.stdout for each in replies)
        case _:
            return False
