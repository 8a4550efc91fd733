"""Kill a real engine process at every point; running the same verb again reaches the same end, and rollback the start.

Every plan is killed everywhere in `test_every_plan_crash`, within this process; here the signal is a real SIGKILL.
"""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from pathlib import Path

import pytest

from gpucarve.journal.store import Journal
from gpucarve.plan.plans import Purpose
from gpucarve.twin.faults import Point
from tests.story.engine import Errand
from tests.story.judging import repeated, watch_commands
from tests.story.killing import Victim
from tests.story.lab import Lab, footprint
from tests.story.processes import ended, kill, served, start
from tests.story.sampling import some

pytestmark = pytest.mark.anyio

each_purpose = pytest.mark.parametrize("purpose", [Purpose.APPLY, Purpose.ROLLBACK], ids=lambda purpose: purpose.value)


def _errand(lab: Lab, purpose: Purpose, at: int = 0, number: int = signal.SIGKILL) -> Errand:
    return Errand(
        socket=lab.folder / "world",
        journal=lab.journal.path,
        text=lab.text,
        purpose=purpose,
        trail=lab.folder / "trail",
        at=at,
        signal=number,
    )


async def _undisturbed(folder: Path, purpose: Purpose) -> tuple[list[str], Counter[tuple[str, ...]]]:
    """The names of all points of an undisturbed run, which must be done, and the commands that it runs."""
    lab = Lab(folder)
    if purpose is Purpose.ROLLBACK:
        await lab.run()
    seen = watch_commands(lab.host)
    async with served(lab.world, lab.folder / "world"):
        assert await ended(start(_errand(lab, purpose))) == 0
    return (lab.folder / "trail").read_text().splitlines(), seen


@each_purpose
async def test_after_a_kill_at_any_point_the_same_verb_reaches_the_same_end(purpose: Purpose, tmp_path: Path) -> None:
    trail, undisturbed = await _undisturbed(tmp_path / "trail", purpose)
    assert len(trail) > 40
    assert Counter(name.split(":")[0] for name in trail)["before program"] >= 4
    for at in some(range(1, len(trail) + 1), purpose, share=2):
        lab = Lab(tmp_path / str(at))
        start_state = footprint(lab.host)
        if purpose is Purpose.ROLLBACK:
            await lab.run()
        commands_run = watch_commands(lab.host)
        async with served(lab.world, lab.folder / "world"):
            assert await ended(start(_errand(lab, purpose, at))) == -signal.SIGKILL, trail[at - 1]
            assert (await lab.run(purpose)).done, f"killed {trail[at - 1]}"
        assert not (again := repeated(commands_run, undisturbed)), f"killed {trail[at - 1]}: {again}"
        if purpose is Purpose.APPLY:
            assert await lab.stands(), f"killed {trail[at - 1]}"
            assert (await lab.run(Purpose.ROLLBACK)).done
        assert footprint(lab.host) == start_state, f"killed {trail[at - 1]}"


@each_purpose
async def test_after_a_kill_within_a_running_program_its_orphan_is_waited_for(purpose: Purpose, tmp_path: Path) -> None:
    lab = Lab(tmp_path / "count")
    if purpose is Purpose.ROLLBACK:
        await lab.run()
    before, undisturbed = lab.host.counts[Point.BEFORE_WRITE], watch_commands(lab.host)
    await lab.run(purpose)
    writes = lab.host.counts[Point.BEFORE_WRITE] - before
    assert writes >= 6
    for number in some(range(1, writes + 1), purpose):
        lab = Lab(tmp_path / str(number))
        start_state = footprint(lab.host)
        if purpose is Purpose.ROLLBACK:
            await lab.run()
        commands_run = watch_commands(lab.host)
        lab.host.pacing = 0.02
        begun = lab.host.counts[Point.BEFORE_WRITE]
        async with served(lab.world, lab.folder / "world"):
            process = start(_errand(lab, purpose))
            while lab.host.counts[Point.BEFORE_WRITE] < begun + number:
                await asyncio.sleep(0.001)
            await kill(process)
            assert (await lab.run(purpose)).done, f"killed in write {number}"
        lab.host.pacing = 0.0
        assert not (again := repeated(commands_run, undisturbed)), f"killed in write {number}: {again}"
        if purpose is Purpose.APPLY:
            assert await lab.stands()
            assert (await lab.run(Purpose.ROLLBACK)).done
        assert footprint(lab.host) == start_state, f"killed in write {number}"


async def test_a_death_in_this_process_leaves_what_a_sigkill_leaves(tmp_path: Path) -> None:
    trail, _ = await _undisturbed(tmp_path / "trail", Purpose.APPLY)
    for at in some(range(1, len(trail) + 1), "equal"):
        killed, dead = Lab(tmp_path / f"{at}-killed"), Lab(tmp_path / f"{at}-dead")
        async with served(killed.world, killed.folder / "world"):
            assert await ended(start(_errand(killed, Purpose.APPLY, at))) == -signal.SIGKILL
            await killed.world.clock.sleep(500.0)  # what runs there ends, and a reboot that was ordered is over
        victim = Victim(dead, at)
        assert not await victim.run(Purpose.APPLY)
        await dead.world.clock.sleep(500.0)
        assert victim.trail == trail[:at]
        assert footprint(killed.host) == footprint(dead.host), trail[at - 1]
        assert _written(killed) == _written(dead), trail[at - 1]


def _written(lab: Lab) -> list[tuple[str, str, str]]:
    """What the journal's file holds of the run, without times and identities."""
    journal = Journal(lab.journal.path)
    run = journal.unfinished("lab")
    return [(str(each.target), each.step, each.phase) for each in journal.entries(run.run)] if run else []
