"""A real engine process that applies or rolls back, until a signal strikes it at a chosen point.

Boundary: what a face does, in a process of its own; the test that started it hosts the world it talks to.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

from gpucarve import app
from gpucarve.plan.plans import Purpose
from gpucarve.twin import client
from tests.story.lab import fleet_of
from tests.story.watched import WatchedJournal, WatchedWorld


@dataclass(frozen=True)
class Errand:
    """What the process is to do. `at` is the number of the point at which it sends itself `signal`; 0 for none.

    The names of the points it has passed go to `trail`, one a line.
    """

    socket: Path
    journal: Path
    text: bytes
    purpose: Purpose
    trail: Path
    at: int = 0
    signal: int = 0
    take_over: bool = False


def main(errand: Errand) -> None:
    """Run the errand; the exit status is 0 when everything stands, 1 otherwise."""
    raise SystemExit(0 if asyncio.run(_run(errand)) else 1)


async def _run(errand: Errand) -> bool:
    trail = os.open(errand.trail, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    passed = 0

    def point(name: str) -> None:
        nonlocal passed
        passed += 1
        os.write(trail, f"{name}\n".encode())
        if passed == errand.at:
            os.kill(os.getpid(), errand.signal)

    world = WatchedWorld(client.connect(errand.socket), point)
    WatchedJournal.passed = staticmethod(point)
    journal = WatchedJournal(errand.journal)
    fleet = fleet_of(errand.text)
    run = app.unfinished(journal, fleet, errand.purpose)
    if run is None:
        survey = await app.survey(world, fleet, errand.purpose)
        plan = survey.draft.plan
    else:
        plan = run.plan
    result = await app.apply(world, journal, plan, lambda _event: None, continued=run, take_over=errand.take_over)
    return result.done
