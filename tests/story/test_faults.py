"""The host dies, hangs, reboots by itself or loses its network at each step; the run ends clearly and goes on later.

Each case places one fault at one point of an apply, runs until it is done as a person would, and rolls back. The
points are counted from an undisturbed run.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from gpucarve.engine.endings import Outcome
from gpucarve.plan.plans import Purpose
from gpucarve.twin.faults import CommandFails, Effect, Fault, Hang, NetworkLoss, Point, PowerLoss, SelfReboot
from tests.story.lab import Lab, footprint, until_done

pytestmark = pytest.mark.anyio

EFFECTS: tuple[Effect, ...] = (
    PowerLoss(),
    PowerLoss(2000.0),
    SelfReboot(),
    Hang(45.0),
    Hang(600.0),
    NetworkLoss(200.0),
)
CLEAR = {Outcome.UNREACHABLE, Outcome.LOCKED}


async def _count(point: Point, folder: Path, purpose: Purpose) -> int:
    """How often the point is passed in an undisturbed run."""
    lab = Lab(folder)
    if purpose is Purpose.ROLLBACK:
        await lab.run()
    before = lab.host.counts[point]
    await lab.run(purpose)
    return lab.host.counts[point] - before


@pytest.mark.parametrize("point", list(Point), ids=lambda point: point.value)
@pytest.mark.parametrize("effect", EFFECTS, ids=repr)
@pytest.mark.parametrize("purpose", [Purpose.APPLY, Purpose.ROLLBACK], ids=lambda purpose: purpose.value)
async def test_whatever_happens_to_the_host_the_run_goes_on_to_the_same_end(
    purpose: Purpose, effect: Effect, point: Point, tmp_path: Path
) -> None:
    total = await _count(point, tmp_path / "count", purpose)
    assert total > 5
    for number in range(1, total + 1):
        lab = Lab(tmp_path / str(number))
        start = footprint(lab.host)
        if purpose is Purpose.ROLLBACK:
            await lab.run()
        lab.host.place(Fault(point, number, effect))
        survey = await lab.survey(purpose)
        if not survey.problems:
            await lab.apply(survey.draft.plan)
        endings = await until_done(partial(lab.later, purpose))
        assert {ending.outcome for ending in endings} <= CLEAR, f"at {point.value} {number}: {endings}"
        assert all(ending.reasons for ending in endings)
        if purpose is Purpose.APPLY:
            assert await lab.stands(), f"at {point.value} {number}"
            assert (await lab.run(Purpose.ROLLBACK)).done
        assert footprint(lab.host) == start, f"at {point.value} {number}"


@pytest.mark.parametrize("command", ["update-grub", "sriov-manage", "mdevctl", "systemctl"])
async def test_a_command_that_fails_once_ends_the_run_or_is_retried_and_the_next_run_is_done(
    command: str, tmp_path: Path
) -> None:
    lab = Lab(tmp_path)
    start = footprint(lab.host)
    lab.host.strike(CommandFails(command))
    endings = await until_done(lab.run)
    assert all(command in ending.reasons[0] or "failed" in ending.reasons[0] for ending in endings)
    assert await lab.stands()
    assert (await lab.run(Purpose.ROLLBACK)).done
    assert footprint(lab.host) == start
