"""Two controllers with journals of their own on one real host: never two writers, and a stale one writes nothing."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from gpucarve import app
from gpucarve.app.worlds import open_world
from gpucarve.engine.endings import Outcome
from gpucarve.engine.events import Waiting
from gpucarve.facts import ours
from gpucarve.facts.observed import Observed
from gpucarve.plan.plans import Purpose
from tests.kernel import shims
from tests.kernel.engine import BEFORE, SINCE
from tests.kernel.lab import HOST, GuestLab, footprint, traces
from tests.kernel.moments import REBOOT_AHEAD, Moment

ENABLING = f"{SINCE}: before program: Run sriov-manage -e"
REFUSED_LOCK = f"{SINCE}: after program: Run sriov-manage -e failed"


def test_a_second_controller_is_refused_while_the_first_works_and_the_first_is_named(
    crossed: Moment, tmp_path: Path
) -> None:
    first = crossed.again(tmp_path / "first")
    first.guest.shell("echo 3 >/sys/module/nvidia/parameters/refuse_unbind_locks")  # some seconds between programs
    working = first.engine()
    working.wait_for(lambda: working.passes(REFUSED_LOCK))
    second = GuestLab(first.guest, tmp_path / "second")
    ending = second.ending(second.run())
    assert ending.outcome is Outcome.LOCKED
    assert first.journal.holder in ending.reasons[0]
    assert working.wait() == 0, working.said
    assert first.stands()


def test_after_the_first_one_s_death_a_second_takes_over_with_its_undo(bare: Moment, tmp_path: Path) -> None:
    first = bare.again(tmp_path / "first")
    assert first.engine(at=(REBOOT_AHEAD, 1)).wait() == -signal.SIGKILL
    assert footprint(first.guest) != bare.start
    second = GuestLab(first.guest, tmp_path / "second")
    assert second.run(Purpose.ROLLBACK).done
    assert any(isinstance(each, Waiting) and first.journal.holder in each.reason for each in second.events)
    assert footprint(first.guest) == bare.start


def test_a_stale_controller_that_wakes_up_after_the_takeover_writes_nothing(crossed: Moment, tmp_path: Path) -> None:
    first = crossed.again(tmp_path / "first")
    stale = first.engine(at=(ENABLING, 1), signal=signal.SIGSTOP)
    stale.wait_for(stale.stopped)
    second = GuestLab(first.guest, tmp_path / "second")
    assert second.run(take_over=True).done
    assert second.stands()
    before = traces(first.guest)
    os.kill(stale.pid, signal.SIGCONT)
    assert stale.wait() == 1
    assert Outcome.OVERTAKEN.value in stale.said
    assert traces(first.guest) == before
    assert shims.times(first.guest, shims.ENABLE) == 1


def test_discover_beside_a_running_program_answers_and_writes_nothing(bare: Moment, tmp_path: Path) -> None:
    first = bare.again(tmp_path / "first")
    shims.hold(first.guest, shims.UPDATE_GRUB)
    working = first.engine(at=(REBOOT_AHEAD, 1))
    shims.wait_until_held(first.guest)
    before = traces(first.guest)
    observed = _discover(GuestLab(first.guest, tmp_path / "second"))
    assert observed.require(ours.PROBE).lease.holder == first.journal.holder
    assert shims.lock_is_held(first.guest)
    assert traces(first.guest) == before
    shims.let_go(first.guest)
    assert working.wait() == -signal.SIGKILL
    assert working.passes(f"{BEFORE}: after journal: done kernel-arguments")


def _discover(lab: GuestLab) -> Observed:
    async def look() -> Observed:
        world = open_world(lab.fleet, None)
        try:
            found = (await app.observe(world, (HOST,)))[HOST]
        finally:
            await world.close()
        assert isinstance(found, Observed), found
        return found

    return asyncio.run(look())
