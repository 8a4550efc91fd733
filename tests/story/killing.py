"""A controller that is killed within this process: from one moment on, nothing of it reaches the world or the journal.

What a SIGKILL leaves behind is the journal's file and whatever the host goes on with; here all that the dead controller
would still do by unwinding is refused at those two doors, so that the same is left. `test_crash` kills real processes
too, and `test_a_death_in_this_process_leaves_what_a_sigkill_leaves` compares the two.

Boundary: one run that ends in a death or at its end; going on is the tests'.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from gpucarve import app
from gpucarve.plan.plans import Purpose
from gpucarve.twin.faults import Point
from tests.story.lab import Lab
from tests.story.watched import WatchedJournal, WatchedWorld


class Killed(BaseException):
    """The controller is dead."""


@dataclass
class Victim:
    """A controller that dies at the `at`-th point of its own, or as the `in_write`-th write of its programs begins on
    the host; 0 for never. `trail` names the points it passed."""

    lab: Lab
    at: int = 0
    in_write: int = 0
    trail: list[str] = field(default_factory=list)
    dead: bool = False

    def passed(self, name: str) -> None:
        """A point of the controller's own."""
        if self.dead:
            raise Killed
        self.trail.append(name)
        if len(self.trail) == self.at:
            self.dead = True
            raise Killed

    async def run(self, purpose: Purpose) -> bool:
        """Survey and apply as a face does; whether it lived to see everything done."""
        task = asyncio.ensure_future(self._run(purpose))
        if self.in_write:
            self._lie_in_wait(task)
        try:
            return await task
        except (Killed, asyncio.CancelledError):
            assert self.dead
            return False

    def _lie_in_wait(self, task: asyncio.Task[bool]) -> None:
        host, count = self.lab.host, self.lab.host.count
        moment = host.counts[Point.BEFORE_WRITE] + self.in_write

        def counted(point: Point) -> None:
            count(point)
            if point is Point.BEFORE_WRITE and host.counts[point] == moment:
                self.dead = True
                task.cancel()

        host.count = counted  # type: ignore[method-assign]  # seen from outside

    async def _run(self, purpose: Purpose) -> bool:
        world = WatchedWorld(self.lab.world, self.passed)
        journal = WatchedJournal(self.lab.journal.path)
        journal.passed = self.passed
        try:
            survey = await app.survey(world, self.lab.fleet, purpose)
            assert not survey.problems, [each.sentence() for each in survey.problems]
            return (await app.apply(world, journal, survey.draft.plan, lambda _event: None)).done
        finally:
            journal.close()
