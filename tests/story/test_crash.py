"""Kill a real engine at every point; running the same verb again reaches the same end, and rollback the exact start."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from pathlib import Path

import pytest

from gpucarve.plan.plans import Purpose
from gpucarve.twin.faults import Point
from gpucarve.twin.hosts import SimulatedHost
from tests.story.engine import Errand
from tests.story.lab import Lab, footprint
from tests.story.processes import ended, kill, served, start

pytestmark = pytest.mark.anyio

HARMLESS = {("update-grub",), ("sh", "-s")}  # deriving grub.cfg again; the shell of each program
PARTS = 8  # the points are shared out to this many tests, so that they run side by side


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


async def _trail(folder: Path, purpose: Purpose) -> list[str]:
    """The names of all points of an undisturbed run, which must be done."""
    lab = Lab(folder)
    if purpose is Purpose.ROLLBACK:
        await lab.run()
    async with served(lab.world, lab.folder / "world"):
        assert await ended(start(_errand(lab, purpose))) == 0
    return (lab.folder / "trail").read_text().splitlines()


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("purpose", [Purpose.APPLY, Purpose.ROLLBACK], ids=lambda purpose: purpose.value)
async def test_after_a_kill_at_any_point_the_same_verb_reaches_the_same_end(
    purpose: Purpose, part: int, tmp_path: Path
) -> None:
    trail = await _trail(tmp_path / "trail", purpose)
    assert len(trail) > 40
    assert Counter(name.split(":")[0] for name in trail)["before program"] >= 4
    for at in range(part + 1, len(trail) + 1, PARTS):
        lab = Lab(tmp_path / str(at))
        start_state = footprint(lab.host)
        if purpose is Purpose.ROLLBACK:
            await lab.run()
        commands_run = watch_commands(lab.host)
        async with served(lab.world, lab.folder / "world"):
            assert await ended(start(_errand(lab, purpose, at))) == -signal.SIGKILL, trail[at - 1]
            assert (await lab.run(purpose)).done, f"killed {trail[at - 1]}"
        assert not repeated(commands_run), f"killed {trail[at - 1]}: {repeated(commands_run)}"
        if purpose is Purpose.APPLY:
            assert await lab.stands(), f"killed {trail[at - 1]}"
            assert (await lab.run(Purpose.ROLLBACK)).done
        assert footprint(lab.host) == start_state, f"killed {trail[at - 1]}"


@pytest.mark.parametrize("purpose", [Purpose.APPLY, Purpose.ROLLBACK], ids=lambda purpose: purpose.value)
async def test_after_a_kill_within_a_running_program_its_orphan_is_waited_for(purpose: Purpose, tmp_path: Path) -> None:
    lab = Lab(tmp_path / "count")
    if purpose is Purpose.ROLLBACK:
        await lab.run()
    before = lab.host.counts[Point.BEFORE_WRITE]
    await lab.run(purpose)
    writes = lab.host.counts[Point.BEFORE_WRITE] - before
    assert writes >= 6
    for number in range(1, writes + 1):
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
        assert not repeated(commands_run), f"killed in write {number}: {repeated(commands_run)}"
        if purpose is Purpose.APPLY:
            assert await lab.stands()
            assert (await lab.run(Purpose.ROLLBACK)).done
        assert footprint(lab.host) == start_state, f"killed in write {number}"


def watch_commands(host: SimulatedHost) -> Counter[tuple[str, ...]]:
    """Counts every process that starts on a host from now on."""
    seen: Counter[tuple[str, ...]] = Counter()
    spawn = host.spawn

    def count(argv: tuple[str, ...], parent: int | None = None) -> int:
        seen[argv] += 1
        return spawn(argv, parent)

    host.spawn = count  # type: ignore[method-assign]  # seen from outside
    return seen


def repeated(seen: Counter[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The commands that ran twice though they must not."""
    assert any("reboot" in argv for argv in seen), "nothing was counted"
    return [argv for argv, times in seen.items() if times > 1 and argv not in HARMLESS]
