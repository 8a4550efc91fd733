"""Never two writers on a host, also not from two laptops."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from gpucarve import app
from gpucarve.engine.endings import Ending, Outcome
from gpucarve.engine.events import Event, Waiting
from gpucarve.engine.pausing import Pause
from gpucarve.errors import LockedError
from gpucarve.facts import ours
from gpucarve.journal.lock import exclusive
from gpucarve.journal.store import Journal
from gpucarve.plan.plans import Purpose
from gpucarve.twin.faults import Point
from tests.story.engine import Errand
from tests.story.lab import HOST, Lab, footprint
from tests.story.processes import ended, served, start

pytestmark = pytest.mark.anyio


def _first(lab: Lab, at: int = 0, number: int = signal.SIGKILL, purpose: Purpose = Purpose.APPLY) -> Errand:
    """An engine of another laptop, with a journal of its own."""
    folder = lab.folder / "first laptop"
    folder.mkdir(exist_ok=True)
    return Errand(lab.folder / "world", folder / "journal.sqlite", lab.text, purpose, folder / "trail", at, number)


async def _until_leased(lab: Lab) -> str:
    """Wait until somebody holds the host's lease; who."""
    while True:
        observed = await lab.observed()
        holder = observed.require(ours.PROBE).lease.holder
        if holder:
            return holder
        await asyncio.sleep(0.005)


async def test_a_second_controller_is_refused_while_the_first_works_and_the_first_is_named(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    lab.world.clock.speed = 20.0  # so that the first one's seconds are not over before it can use them
    async with served(lab.world, lab.folder / "world"):
        process = start(_first(lab))
        holder = await _until_leased(lab)
        before = lab.journal.holder
        result = await lab.run()
        assert result.endings[HOST].outcome is Outcome.LOCKED
        assert holder in result.endings[HOST].reasons[0]
        assert holder != before
        lab.world.clock.speed = None
        assert await ended(process) == 0
    assert await lab.stands()


async def test_discover_beside_a_running_program_does_not_wait_for_its_lock(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    lab.host.pacing = 0.2
    async with served(lab.world, lab.folder / "world"):
        process = start(_first(lab))
        while lab.host.lock_holder() is None:
            await asyncio.sleep(0.001)
        observed = await lab.observed()
        assert lab.host.lock_holder() is not None
        assert observed.require(ours.PROBE).lease.holder
        lab.host.pacing = 0.0
        assert await ended(process) == 0


async def _leased_points(folder: Path) -> list[int]:
    """The numbers of the points of an undisturbed run at which it holds the lease and has not written everything."""
    lab = Lab(folder)
    async with served(lab.world, lab.folder / "world"):
        assert await ended(start(_first(lab))) == 0
    trail = (lab.folder / "first laptop" / "trail").read_text().splitlines()
    taken = next(number for number, name in enumerate(trail, 1) if name.startswith("after program"))
    complete = next(
        number for number, name in enumerate(trail, 1) if name.startswith("after program") and "start" in name
    )
    return list(range(taken, complete))


@pytest.mark.parametrize("part", range(2))
async def test_after_the_first_one_s_death_a_second_takes_over_with_its_undo(tmp_path: Path, part: int) -> None:
    points = await _leased_points(tmp_path / "points")
    assert len(points) > 30
    for at in points[part::4]:
        lab = Lab(tmp_path / str(at))
        before = footprint(lab.host)
        async with served(lab.world, lab.folder / "world"):
            assert await ended(start(_first(lab, at))) == -signal.SIGKILL
            for _ in range(3):
                await lab.world.clock.sleep(200.0)
                if (await lab.run()).done:
                    break
        assert any(isinstance(event, Waiting) and "holds the lease" in event.reason for event in lab.events)
        assert await lab.stands()
        assert (await lab.run(Purpose.ROLLBACK)).done
        assert footprint(lab.host) == before


@pytest.mark.parametrize("part", range(2))
async def test_a_stale_controller_that_wakes_up_writes_nothing(tmp_path: Path, part: int) -> None:
    points = await _leased_points(tmp_path / "points")
    for at in points[part::4]:
        lab = Lab(tmp_path / str(at))
        async with served(lab.world, lab.folder / "world"):
            process = start(_first(lab, at, signal.SIGSTOP))
            assert process.pid is not None
            while not _stopped(process.pid):
                await asyncio.sleep(0.002)
            for _ in range(3):
                await lab.world.clock.sleep(200.0)
                if (await lab.run()).done:
                    break
            assert await lab.stands()
            machine, writes = lab.host.machine, lab.host.counts[Point.BEFORE_WRITE]
            os.kill(process.pid, signal.SIGCONT)
            await ended(process)
        assert lab.host.machine.files is machine.files
        assert lab.host.machine.up.devices is machine.up.devices
        assert lab.host.counts[Point.BEFORE_WRITE] == writes


async def test_a_pause_ends_the_watching_of_another_controllers_lease(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    points = await _leased_points(tmp_path / "points")
    async with served(lab.world, lab.folder / "world"):
        assert await ended(start(_first(lab, points[0]))) == -signal.SIGKILL
        pause = Pause()
        plan = (await lab.survey()).draft.plan

        def hear(event: Event) -> None:
            if isinstance(event, Waiting):
                pause.request()

        result = await app.apply(lab.world, lab.journal, plan, hear, pause=pause)
        assert result.endings[HOST] == Ending(Outcome.PAUSED, ("not begun",))
        assert (await lab.run()).done


async def test_two_processes_of_one_controller_do_not_work_with_one_journal(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    plan = (await lab.survey()).draft.plan
    with exclusive(lab.journal.path), pytest.raises(LockedError):
        await lab.apply(plan)


async def test_a_taker_that_was_told_to_does_not_watch(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    async with served(lab.world, lab.folder / "world"):
        points = await _leased_points(tmp_path / "points")
        assert await ended(start(_first(lab, points[0]))) == -signal.SIGKILL
        now = lab.world.clock.time
        second = Journal(tmp_path / "second.sqlite")
        lab.journal = second
        assert (await lab.run(take_over=True)).done
    assert not any(isinstance(event, Waiting) and "holds the lease" in event.reason for event in lab.events)
    assert lab.world.clock.time > now


def _stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
