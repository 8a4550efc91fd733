"""Many hosts at once: how a change goes over a site when hosts are slow, dead or in somebody's use."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpucarve import app
from gpucarve.engine.endings import Outcome
from gpucarve.engine.events import Begun, Event, StepEnded, TargetEnded
from gpucarve.engine.pausing import Pause
from gpucarve.journal.store import RunState
from gpucarve.model.hosts import Target
from gpucarve.plan import codec
from gpucarve.plan.plans import Purpose
from gpucarve.twin.faults import CommandFails, Fault, Hang, NetworkLoss, Point, PowerLoss
from tests.story.site import Hall, host

pytestmark = pytest.mark.anyio

FOREVER = 1_000_000.0
SLOW, DEAD = 3, 5


def _outcomes(hall: Hall) -> dict[Target, str]:
    return {event.target: event.outcome for event in hall.events if isinstance(event, TargetEnded)}


def _die_at_the_first_write(hall: Hall, number: int) -> None:
    hall[number].place(Fault(Point.BEFORE_WRITE, 1, PowerLoss(FOREVER)))


async def _revive(hall: Hall, number: int) -> None:
    """Let it be long after everything, when the host has power again."""
    hall.world.clock.advance(hall.world.clock.time + 2 * FOREVER)
    assert hall[number].reachable


async def test_ten_hosts_of_which_one_is_slow_and_one_dies_are_done_but_for_the_dead_one(tmp_path: Path) -> None:
    hall = Hall(tmp_path)
    hall[SLOW].place(Fault(Point.BEFORE_WRITE, 2, Hang(250.0)))
    _die_at_the_first_write(hall, DEAD)
    result = await hall.run()
    assert {target: ending.outcome for target, ending in result.endings.items()} == {
        host(number): Outcome.UNREACHABLE if number == DEAD else Outcome.DONE for number in range(10)
    }
    assert hall.begun[0] == host(0)
    assert _ended(hall.events, host(0)) < hall.events.index(_begun(hall, host(1))), "the canary alone, to its end"
    assert sorted(hall.begun) == [host(number) for number in range(10)]
    assert hall.most_under_way == 3
    assert _ended(hall.events, host(SLOW)) > _ended(hall.events, host(SLOW + 1)), "the slow one is waited for"
    done = hall.footprints(but=DEAD)

    await _revive(hall, DEAD)
    again = await hall.run()
    assert again.run == result.run, "the approved plan is gone on with"
    assert again.done, again.endings
    stepped = {event.step.key.target for event in hall.events if isinstance(event, StepEnded)}
    assert stepped == {host(DEAD)}
    assert hall.footprints(but=DEAD) == done
    assert len(hall[DEAD].machine.up.devices.mdevs) == 2


async def test_a_failed_canary_leaves_all_others_untouched_byte_for_byte(tmp_path: Path) -> None:
    hall = Hall(tmp_path, size=4, rollout="{canary: 1, maxUnavailable: 3, maxFailures: 1}")
    before = hall.footprints()
    hall[0].strike(CommandFails("mdevctl", 9))
    result = await hall.run()
    assert hall.begun == [host(0)]
    assert [ending.outcome for ending in result.endings.values()] == [Outcome.FAILED] + [Outcome.HELD] * 3
    (reason,) = result.endings[host(2)].reasons
    assert "hall/gpu-0 ended: failed" in reason
    assert hall.footprints()[1:] == before[1:]
    assert hall[1].counts[Point.AFTER_WRITE] == 0
    assert hall.journal.unfinished("hall") is None, "it ended by itself: the next apply makes a plan of its own"
    hall[0].strike(CommandFails("mdevctl", 0))
    assert (await hall.run()).done


async def test_a_halt_lets_those_under_way_finish_and_nobody_else_begin(tmp_path: Path) -> None:
    hall = Hall(tmp_path, size=6, rollout="{canary: 0, maxUnavailable: 2, maxFailures: 1}")
    before = hall.footprints()
    hall[0].strike(CommandFails("update-grub", 9))
    result = await hall.run()
    assert [ending.outcome for ending in result.endings.values()] == [Outcome.FAILED, Outcome.DONE] + [Outcome.HELD] * 4
    assert hall.footprints()[2:] == before[2:]


async def test_a_host_that_is_away_when_planned_is_left_out_named_and_counted(tmp_path: Path) -> None:
    hall = Hall(tmp_path, size=4)
    hall[1].strike(NetworkLoss(FOREVER))
    survey = await hall.survey()
    assert not survey.refused_as_a_whole
    assert [each.target for each in survey.offer.plan.left_out] == [host(1)]
    assert host(1) not in survey.offer.plan.targets
    assert codec.from_data(codec.to_data(survey.offer.plan)) == survey.offer.plan
    hall[2].strike(CommandFails("mdevctl", 9))
    result = await hall.run()
    assert result.endings[host(0)].outcome is Outcome.DONE
    assert result.endings[host(1)].outcome is Outcome.LEFT_OUT
    assert result.endings[host(2)].outcome is Outcome.FAILED
    assert "unreachable" in result.endings[host(1)].reasons[0]
    await _revive(hall, 1)
    hall[2].strike(CommandFails("mdevctl", 0))
    assert (await hall.run()).done
    assert (await hall.survey()).draft.plan.stages == ()


async def test_too_many_hosts_away_when_planned_are_a_refusal_as_a_whole(tmp_path: Path) -> None:
    hall = Hall(tmp_path, size=4)
    for number in (1, 3):
        hall[number].strike(NetworkLoss(FOREVER))
    assert (await hall.survey()).refused_as_a_whole


async def test_a_host_on_which_a_guest_is_in_the_way_is_left_out_and_the_others_go_on(tmp_path: Path) -> None:
    hall = Hall(tmp_path, size=3)
    assert (await hall.run()).done
    uuid = hall[1].machine.up.devices.mdevs[0].uuid
    hall[1].start_guest(uuid, "vdi-7")
    survey = await hall.survey(Purpose.ROLLBACK)
    (left_out,) = survey.offer.plan.left_out
    assert left_out.target == host(1)
    assert "vdi-7" in " ".join(left_out.reasons)
    before = hall.footprints()[1]
    result = await hall.run(Purpose.ROLLBACK)
    assert [ending.outcome for ending in result.endings.values()] == [Outcome.DONE, Outcome.LEFT_OUT, Outcome.DONE]
    assert hall.footprints()[1] == before


async def test_a_paused_run_ends_the_steps_under_way_frees_its_hosts_and_goes_on_without_repeating(
    tmp_path: Path,
) -> None:
    hall = Hall(tmp_path, size=5, rollout="{canary: 0, maxUnavailable: 2, maxFailures: 1}")
    pause = Pause()
    hear = hall.emit

    def emit(event: Event) -> None:
        hear(event)
        if isinstance(event, StepEnded) and event.step.key.kind == "reboot":
            pause.request()

    hall.emit = emit  # type: ignore[method-assign]  # seen from outside
    paused = await hall.run(pause=pause)
    assert {ending.outcome for ending in paused.endings.values()} == {Outcome.PAUSED}
    assert paused.endings[host(4)].reasons == ("not begun",)
    assert hall.begun == [host(0), host(1)]
    unfinished = app.unfinished(hall.journal, hall.fleet, Purpose.APPLY)
    assert unfinished is not None
    assert unfinished.state is RunState.RUNNING
    done = {event.step.key for event in hall.events if isinstance(event, StepEnded)}
    assert done
    hall.emit = hear  # type: ignore[method-assign]  # as above
    again = await hall.run()
    assert (again.run, again.done) == (paused.run, True)
    assert not done & {event.step.key for event in hall.events if isinstance(event, StepEnded)}
    assert hall.most_under_way == 2


async def test_a_limited_run_is_about_these_hosts_alone_and_another_limit_does_not_go_on_with_it(
    tmp_path: Path,
) -> None:
    hall = Hall(tmp_path, size=4)
    whole, before = hall.fleet, hall.footprints()
    hall.fleet = whole.limited({host(2)})
    _die_at_the_first_write(hall, 2)
    assert not (await hall.run()).done
    assert app.unfinished(hall.journal, hall.fleet, Purpose.APPLY) is not None
    assert app.unfinished(hall.journal, whole, Purpose.APPLY) is None
    await _revive(hall, 2)
    assert (await hall.run()).done
    assert [footprint == was for footprint, was in zip(hall.footprints(), before, strict=True)] == [
        True,
        True,
        False,
        True,
    ]


def _begun(hall: Hall, target: Target) -> Event:
    return next(event for event in hall.events if isinstance(event, Begun) and event.target == target)


def _ended(events: list[Event], target: Target) -> int:
    return next(place for place, each in enumerate(events) if isinstance(each, TargetEnded) and each.target == target)
