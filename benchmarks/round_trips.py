"""What the first story costs on the wire: round trips of each verb, bytes of a gather and of a batch.

Apply and rollback run on the twin, counted at its transport; what each request would send to a real host is what the
`local` and `ssh` transports compile it to. A reply's bytes are those of the twin's answer as JSON: the frames of a real
one hold the same content. Counts, no times: they are the same on every machine. Needs no root and no host:
`python benchmarks/round_trips.py`.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gpucarve import app, spec
from gpucarve.app import Fleet
from gpucarve.calls import wire
from gpucarve.calls.primitives import HostRead
from gpucarve.calls.programs import Program, ProgramReply, Refusal
from gpucarve.calls.replies import Reply
from gpucarve.calls.transport import Clock, HostTransport
from gpucarve.journal.store import Journal
from gpucarve.model.hosts import Target
from gpucarve.plan.plans import Purpose
from gpucarve.transports import shell
from gpucarve.twin import worlds

_DOCUMENT = Path(__file__).parent.parent / "examples" / "first-vgpu" / "twin.yaml"
_NONCE = "0" * 24  # as long as a real one


@dataclass(frozen=True)
class Trip:
    """One round trip: `kind`, what was sent, what came back (bytes)."""

    kind: str
    writes: int
    sent: int
    received: int


@dataclass(frozen=True)
class Counted:
    """A host's transport that keeps count."""

    host: HostTransport
    trips: list[Trip]

    @property
    def clock(self) -> Clock:
        """The world's."""
        return self.host.clock

    async def gather(self, reads: Sequence[HostRead]) -> tuple[Reply, ...] | Refusal:
        """Count, and pass on."""
        answer = await self.host.gather(reads)
        self._count("gather", 0, shell.compile_gather(reads, _NONCE), answer)
        return answer

    async def run(self, program: Program) -> ProgramReply | Refusal:
        """Count, and pass on."""
        answer = await self.host.run(program)
        kind = "batch" if len(program.writes) > 1 else "single write" if program.writes else "lease alone"
        self._count(kind, len(program.writes), shell.compile_program(program, _NONCE), answer)
        return answer

    async def wait_idle(self, patience: float) -> Refusal | None:
        """Count, and pass on."""
        answer = await self.host.wait_idle(patience)
        self._count("wait for lock", 0, shell.compile_wait_idle(patience, _NONCE), answer)
        return answer

    async def close(self) -> None:
        """Pass on."""
        await self.host.close()

    def _count(self, kind: str, writes: int, sent: bytes, answer: Any) -> None:
        kind = f"{kind}, no answer" if isinstance(answer, Refusal) else kind
        self.trips.append(Trip(kind, writes, len(sent), len(json.dumps(wire.encode(answer)))))


@dataclass
class CountedWorld:
    """The built-in world, every request to it counted."""

    world: worlds.World
    trips: list[Trip] = field(default_factory=list)

    def host(self, target: Target) -> HostTransport:
        """A connection that counts."""
        return Counted(self.world.host(target), self.trips)

    async def close(self) -> None:
        """Pass on."""
        await self.world.close()


async def story(folder: Path) -> dict[str, list[Trip]]:
    """The trips of each verb, in the story's order. Each look and each run is counted, as the verb makes them."""
    text = _DOCUMENT.read_bytes()
    fleet = Fleet.of(spec.load(text, _DOCUMENT.name), text)
    world = CountedWorld(worlds.seed_004())
    journal = Journal(folder / "journal.sqlite3")
    found: dict[str, list[Trip]] = {}
    for name, purpose in (("apply", Purpose.APPLY), ("apply again", Purpose.APPLY), ("rollback", Purpose.ROLLBACK)):
        world.trips = []
        survey = await app.survey(world, fleet, purpose)
        if survey.draft.plan.stages:
            result = await app.apply(world, journal, survey.draft.plan, lambda _event: None)
            if not result.done:
                sys.exit(f"{name} did not end well: {result.endings}")
            await app.survey(world, fleet, purpose)
        found[name] = world.trips
    journal.close()
    return found


def show(found: dict[str, list[Trip]]) -> None:
    """A table a verb, and the largest gather and batch."""
    for name, trips in found.items():
        trips_made = "1 round trip" if len(trips) == 1 else f"{len(trips)} round trips"
        total = f"{trips_made}, {sum(trip.sent for trip in trips)} bytes out"
        sys.stdout.write(f"{name}: {total}, {sum(trip.received for trip in trips)} bytes back\n")
        for kind in dict.fromkeys(trip.kind for trip in trips):
            own = [trip for trip in trips if trip.kind == kind]
            sent, received = (max(getattr(trip, side) for trip in own) for side in ("sent", "received"))
            writes = sum(trip.writes for trip in own)
            row = f"  {len(own):3} x {kind:<24} {writes:3} writes, at most {sent:6} bytes out, {received:6} back\n"
            sys.stdout.write(row)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        show(asyncio.run(story(Path(scratch))))
