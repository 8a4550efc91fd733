"""The host dies, hangs, reboots by itself or loses its network within a step: the run ends clearly, or goes on.

The step is held within its command while the host is struck. An engine that is alive waits for the host to come back;
one that gave up left a run that the same verb goes on with.
"""

from __future__ import annotations

import signal
from pathlib import Path

from gpucarve.engine.endings import Outcome
from gpucarve.plan.plans import Purpose
from tests.kernel import shims
from tests.kernel.engine import BEFORE, SINCE, Engine
from tests.kernel.lab import GuestLab, footprint
from tests.kernel.moments import REBOOT_AHEAD, Moment


def test_a_power_cut_within_the_first_batch_is_waited_for_and_the_batch_finished(bare: Moment, tmp_path: Path) -> None:
    lab = bare.again(tmp_path / "lab")
    engine = _within(lab, shims.UPDATE_GRUB, at=(REBOOT_AHEAD, 1))
    lab.guest.quit()
    lab.guest.start(snapshot=None)
    assert engine.wait() == -signal.SIGKILL, engine.said
    assert _was_lost(engine)
    assert "iommu=pt" in lab.guest.shell("cat /boot/grub/grub.cfg")
    assert lab.run(Purpose.ROLLBACK).done
    assert footprint(lab.guest) == bare.start


def test_a_host_that_reboots_by_itself_within_the_vgpu_batch_gets_functions_and_vgpus_again(
    crossed: Moment, tmp_path: Path
) -> None:
    lab = crossed.again(tmp_path / "lab")
    engine = _within(lab, shims.START)
    before = lab.guest.boot_id()
    lab.guest.reset()
    assert engine.wait() == 0, engine.said
    assert _was_lost(engine)
    assert lab.guest.boot_id() != before
    assert lab.stands()
    assert shims.times(lab.guest, shims.REBOOT) == 1, "the run's own, before"


def test_a_network_lost_within_the_virtual_function_flow_does_not_repeat_it(crossed: Moment, tmp_path: Path) -> None:
    lab = crossed.again(tmp_path / "lab")
    engine = _within(lab, shims.ENABLE)
    lab.guest.link(up=False)
    engine.wait_for(lambda: _was_lost(engine))
    lab.guest.link(up=True)
    lab.guest.wait_for_ssh()
    shims.let_go(lab.guest)
    assert engine.wait() == 0, engine.said
    assert lab.stands()
    assert shims.times(lab.guest, shims.ENABLE) == 1


def test_a_host_that_hangs_ends_the_run_as_unreachable_and_the_same_verb_goes_on_with_it(
    bare: Moment, tmp_path: Path
) -> None:
    lab = bare.again(tmp_path / "lab")
    plan = lab.survey().draft.plan
    lab.guest.hang()
    ending = lab.ending(lab.apply(plan))
    assert ending.outcome is Outcome.UNREACHABLE
    assert ending.reasons[0]
    lab.guest.resume()
    lab.guest.wait_for_ssh()
    unfinished = lab.journal.unfinished(lab.fleet.name)
    assert unfinished is not None
    engine = lab.engine(at=(REBOOT_AHEAD, 1))
    assert engine.wait() == -signal.SIGKILL, engine.said
    steps = [entry.step for entry in lab.journal.entries(unfinished.run)]
    assert "bench/gpuhost kernel-arguments" in steps, "it was that run"


def _within(lab: GuestLab, command: str, at: tuple[str, int] | None = None) -> Engine:
    """An engine whose program is within the command, which is held."""
    shims.hold(lab.guest, command)
    engine = lab.engine(at=at)
    shims.wait_until_held(lab.guest)
    return engine


def _was_lost(engine: Engine) -> bool:
    """Whether the engine has seen that a program's answer would not come."""
    trail = engine.errand.trail.read_text().splitlines()
    return any(
        name.startswith((f"{BEFORE}: after program", f"{SINCE}: after program")) and name.endswith(" lost")
        for name in trail
    )
