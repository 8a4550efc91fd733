"""Kill a real engine that works on a real kernel over SSH: the same verb reaches the end, and rollback the exact start.

A kind of point is a name of `tests.story.watched` on one side of the reboot. An engine is killed at the first kind that
was not struck yet, the next one goes on from there and is killed at the next, until one reaches the end. A point behind
an effect (its outcome in the journal) comes up once a way, so the way is gone again from its start until none is new.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from gpucarve.plan.plans import Purpose
from tests.kernel import shims
from tests.kernel.engine import SINCE, lines
from tests.kernel.lab import GuestLab, footprint
from tests.kernel.moments import REBOOT_AHEAD, Moment, kill_within

Record = Callable[[str, object], None]

_MOST = 150  # engines for one way; a way without end fails


def kill_at_each_new_kind(lab: GuestLab, purpose: Purpose = Purpose.APPLY, until: str = "") -> int:
    """Kill engines at the kinds of points not struck yet; how many. The last one is done, or was killed at `until`."""
    for number in range(_MOST):
        engine = lab.engine(purpose, fresh=True, at=(until, 1))
        status = engine.wait()
        struck = lines(engine.errand.struck)
        assert status in (0, -signal.SIGKILL), f"after {struck}: {engine.said}"
        if status == 0 or struck[-1] == until:
            return number
    raise AssertionError(f"{_MOST} engines did not get there")


def next_way(moment: Moment, folder: Path, way: int) -> GuestLab:
    """The moment once more; what the ways before have struck counts as struck."""
    lab = moment.again(folder / str(way))
    if way:
        (folder / str(way) / "struck").write_text((folder / str(way - 1) / "struck").read_text())
    return lab


def test_kills_at_every_kind_of_point_before_the_reboot_leave_a_host_that_rolls_back_exactly(
    bare: Moment, tmp_path: Path, record_property: Record
) -> None:
    struck, way, new = 0, 0, -1
    while new:
        lab = next_way(bare, tmp_path, way)
        new = kill_at_each_new_kind(lab, until=REBOOT_AHEAD)
        way, struck = way + 1, struck + new
        assert "iommu=pt" in lab.guest.shell("cat /boot/grub/grub.cfg")
        assert shims.times(lab.guest, shims.REBOOT) == 0
        if new:
            assert lab.run(Purpose.ROLLBACK).done
            assert footprint(lab.guest) == bare.start
    assert struck > 10
    record_property("kinds of points struck before the reboot", f"{struck}, on {way} ways")


def test_kills_at_every_kind_of_point_since_the_reboot_reach_the_end_and_the_exact_start(
    crossed: Moment, tmp_path: Path, record_property: Record
) -> None:
    struck, way, new = 0, 0, -1
    lab = crossed.lab
    while new:
        lab = next_way(crossed, tmp_path, way)
        new = kill_at_each_new_kind(lab)
        way, struck = way + 1, struck + new
        check_end(lab)
    shims.forget(lab.guest)
    struck += kill_at_each_new_kind(lab, Purpose.ROLLBACK)
    assert not shims.repeated(lab.guest)
    assert footprint(lab.guest) == crossed.start
    assert struck > 40
    record_property("kinds of points struck since the reboot and in the rollback", f"{struck}, on {way} ways")


@pytest.mark.parametrize("command", [shims.ENABLE, shims.START])
def test_the_orphan_of_a_killed_engine_is_waited_for_and_its_work_not_done_again(
    crossed: Moment, tmp_path: Path, command: str
) -> None:
    lab = crossed.again(tmp_path / "lab")
    kill_within(lab, command)
    heir = lab.engine()
    heir.wait_for(lambda: heir.passes(f"{SINCE}: before wait_idle"))
    assert shims.times(lab.guest, command) == 0
    shims.let_go(lab.guest)
    assert heir.wait() == 0, heir.said
    check_end(lab)


def test_a_vgpu_that_was_defined_and_not_started_when_all_died_is_started_once(crossed: Moment, tmp_path: Path) -> None:
    lab = crossed.again(tmp_path / "lab")
    kill_within(lab, shims.START)
    shims.kill_program(lab.guest)
    assert lab.guest.shell("mdevctl list --defined").count("nvidia-697") == 1
    assert lab.guest.shell("ls /sys/bus/mdev/devices") == ""
    assert lab.engine().wait() == 0
    check_end(lab)
    assert shims.times(lab.guest, shims.DEFINE) == 2


def check_end(lab: GuestLab) -> None:
    """Everything stands, and each command that must not be repeated ran once."""
    assert lab.stands()
    assert not shims.repeated(lab.guest)
    times = [shims.times(lab.guest, command) for command in (shims.REBOOT, shims.ENABLE, shims.START)]
    assert times == [1, 1, 2]
