"""How a target's part of a run ends: always once, with a reason, the lease given back, and nobody else held up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gpucarve import app
from gpucarve.calls.primitives import Disown, Remove, WriteFile
from gpucarve.calls.programs import CallOutcome, CallState, Guarded, Program, ProgramReply, Refusal, RefusalKind
from gpucarve.calls.replies import Done
from gpucarve.calls.transport import Clock
from gpucarve.engine.channels import Channel
from gpucarve.engine.converge import Result, converge
from gpucarve.engine.endings import Ending, Outcome, of_refusal
from gpucarve.engine.events import StepEnded, TargetEnded
from gpucarve.errors import BugError, JournalError, UnreachableError
from gpucarve.facts import boot, ours
from gpucarve.journal.store import Journal, Run, RunState
from gpucarve.model.hosts import ResourceKey, Target
from gpucarve.plan.plans import Plan, Purpose
from gpucarve.resources.decisions import Batch, Change, Settled
from gpucarve.resources.host import kernel_arguments
from gpucarve.resources.order import Stage
from gpucarve.twin import worlds
from gpucarve.twin.faults import CommandFails, DiskFull, NetworkLoss, PowerLoss, SriovYield
from tests.engine.places import Between, WorldBetween, between, channel, converge_things
from tests.plan.resources import Thing, some
from tests.story.lab import HOST, Lab
from tests.story.test_story import start_guest

pytestmark = pytest.mark.anyio

ELSEWHERE = Target("lab", "gpu-2")


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


async def _apply(lab: Lab, stand: Between, plan: Plan | None = None) -> Ending:
    """Apply through somebody who stands before the host."""
    plan = plan or (await lab.survey()).draft.plan
    lab.events.clear()
    result = await app.apply(WorldBetween(lab.world, stand), lab.journal, plan, lab.events.append)
    assert sum(isinstance(event, TargetEnded) for event in lab.events) == 1
    return result.endings[HOST]


def _unfinished(lab: Lab) -> bool:
    return app.unfinished(lab.journal, lab.fleet, Purpose.APPLY) is not None


async def _free(lab: Lab) -> bool:
    return (await lab.observed()).require(ours.PROBE).lease.holder == ""


@pytest.mark.parametrize("kind", list(RefusalKind))
def test_every_refusal_means_an_ending_with_a_reason(kind: RefusalKind) -> None:
    assert of_refusal(Refusal(kind)).reasons == (kind.value,)
    assert of_refusal(Refusal(kind, "why")).reasons == ("why",)


async def test_done_gives_the_lease_back_and_finishes_the_run(lab: Lab) -> None:
    assert await _apply(lab, between(lab.world)) == Ending(Outcome.DONE)
    assert await _free(lab)
    assert not _unfinished(lab)


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        (RefusalKind.NO_PERMISSION, Outcome.NO_PERMISSION),
        (RefusalKind.HOST_KEY, Outcome.NO_PERMISSION),
        (RefusalKind.UNFIT, Outcome.REFUSED),
        (RefusalKind.LOCKED, Outcome.LOCKED),
        (RefusalKind.FENCED, Outcome.OVERTAKEN),
    ],
)
async def test_a_write_that_is_refused_ends_the_target_and_the_run(
    lab: Lab, kind: RefusalKind, outcome: Outcome
) -> None:
    stand = between(lab.world)
    stand.programs = lambda _program: Refusal(kind, "because")
    assert await _apply(lab, stand) == Ending(outcome, ("because",))
    assert not _unfinished(lab)


async def test_a_host_that_does_not_answer_leaves_the_plan_approved(lab: Lab) -> None:
    plan = (await lab.survey()).draft.plan
    lab.host.strike(NetworkLoss(10_000.0))
    ending = await _apply(lab, between(lab.world), plan)
    assert ending.outcome is Outcome.UNREACHABLE
    assert ending.reasons
    assert _unfinished(lab)


async def test_a_host_that_goes_away_later_is_waited_for_and_then_left(lab: Lab) -> None:
    stand, before = between(lab.world), lab.world.clock.time

    def away(program: Program) -> None:
        if program.writes:
            lab.host.strike(NetworkLoss(10_000.0))

    stand.programs = away
    assert (await _apply(lab, stand)).outcome is Outcome.UNREACHABLE
    assert 300 <= lab.world.clock.time - before < 1000
    assert _unfinished(lab)


async def test_a_guest_that_comes_in_between_stops_the_run_before_its_next_stage(lab: Lab) -> None:
    await lab.run()
    plan = (await lab.survey(Purpose.ROLLBACK)).draft.plan
    start_guest(lab, lab.host.machine.up.devices.mdevs[0].uuid)
    ending = await _apply(lab, between(lab.world), plan)
    assert ending.outcome is Outcome.REFUSED
    assert "instance-0000002a" in ending.reasons[0]
    assert len(lab.host.machine.up.devices.mdevs) == 2


class Liar(Between):
    """Says of every write that it was done, and does none."""

    async def run(self, program: Program) -> ProgramReply | Refusal:
        self.ran.append(program)
        reply = await self.inner.run(replace(program, writes=()))
        done = tuple(CallOutcome(CallState.DONE, Done()) for _ in program.writes)
        return replace(reply, outcomes=done) if isinstance(reply, ProgramReply) else reply


async def test_a_step_that_makes_no_progress_is_left_after_four_times_and_nothing_is_built_on_it(lab: Lab) -> None:
    liar = Liar(lab.world.host(HOST))
    ending = await _apply(lab, liar)
    assert ending.outcome is Outcome.FAILED
    assert any("kernel-arguments is still intel_iommu=off" in reason for reason in ending.reasons)
    assert "tried 4 times" in ending.reasons[-1]
    assert sum(bool(program.writes) for program in liar.ran) == 4
    assert not any("reboot" in getattr(each.write, "argv", ()) for program in liar.ran for each in program.writes)


async def test_a_step_that_fails_says_its_tool_s_words_and_gives_the_lease_back(lab: Lab) -> None:
    lab.host.strike(CommandFails("update-grub"))
    ending = await _apply(lab, between(lab.world))
    assert ending.outcome is Outcome.FAILED
    assert "kernel-arguments" in ending.reasons[0]
    assert await _free(lab)
    assert any(isinstance(event, StepEnded) and event.outcome == "failed" and event.detail for event in lab.events)


async def test_a_disk_that_is_full_is_a_clear_end_and_the_run_goes_on_once_there_is_room(lab: Lab) -> None:
    lab.host.strike(DiskFull())
    ending = await _apply(lab, between(lab.world))
    assert ending.outcome in (Outcome.REFUSED, Outcome.FAILED)
    assert "space" in ending.reasons[0]
    lab.host.strike(DiskFull(full=False))
    assert (await lab.run()).done


async def test_the_state_on_the_host_deleted_in_the_middle_ends_the_run_before_another_write(lab: Lab) -> None:
    stand = between(lab.world)

    def delete(program: Program) -> None:
        if len(stand.ran) == 2:
            files = lab.host.machine.files.nodes
            for path in sorted((path for path in files if path.startswith("/var/lib/gpucarve/")), reverse=True):
                lab.host.by_hand(Remove(path))

    stand.programs = delete
    ending = await _apply(lab, stand)
    assert ending.outcome is Outcome.OVERTAKEN
    assert "nobody" in ending.reasons[0]
    assert (await lab.run()).done
    assert await lab.stands()


async def test_a_power_loss_before_the_reboot_was_meant_is_no_second_reboot(lab: Lab) -> None:
    stand = between(lab.world)

    def lose(program: Program) -> None:
        if len(stand.ran) == 2:
            lab.host.strike(PowerLoss(60.0))

    stand.programs = lose
    assert (await _apply(lab, stand)).outcome is Outcome.DONE
    assert not any("reboot" in getattr(each.write, "argv", ()) for program in stand.ran[2:] for each in program.writes)


# --- what is no host's doing


class Broken(Journal):
    """A journal on a disk that is full from its second intent on."""

    intents = 0

    def intend(self, run: str, keys: tuple[ResourceKey, ...], detail: str = "") -> None:
        self.intents += 1
        if self.intents == 2:
            raise JournalError("the disk is full")
        super().intend(run, keys, detail)


async def test_a_journal_that_cannot_be_written_stops_before_the_write_and_the_run_can_be_gone_on_with(
    tmp_path: Path,
) -> None:
    lab = Lab(tmp_path)
    lab.journal = Broken(tmp_path / "broken.sqlite")
    before = await lab.observed()
    with pytest.raises(JournalError):
        await lab.run()
    (ended,) = [event for event in lab.events if isinstance(event, TargetEnded)]
    assert (ended.outcome, ended.detail) == ("failed", ("JournalError: the disk is full",))
    assert await _free(lab)
    assert (await lab.observed()).require(boot.PROBE) == before.require(boot.PROBE), "no reboot without its intent"
    assert (await lab.run()).done, "the same run goes on"


async def test_a_twin_that_is_gone_is_a_host_that_does_not_answer(lab: Lab) -> None:
    class Gone(Between):
        @property
        def clock(self) -> Clock:
            raise UnreachableError("the twin has ended")

    ending = await _apply(lab, Gone(lab.world.host(HOST)))
    assert ending == Ending(Outcome.UNREACHABLE, ("the twin has ended",))


async def test_a_mistake_of_ours_on_one_host_is_raised_once_the_others_have_ended(lab: Lab) -> None:
    decided = 0

    def wrong(_outlook: object) -> Change:
        nonlocal decided
        decided += 1
        if decided > 1:
            raise BugError("a promise was broken")
        return some()

    done: list[bool] = []

    def right(_outlook: object) -> Change | Settled:
        if len(done) < 2:
            done.append(True)
            return some(work=Batch((Guarded(Disown("nothing")),)))
        return Settled("stands")

    bad = Thing(ResourceKey(ELSEWHERE, "wrong"), Stage.BOOT, wrong)
    good = Thing(ResourceKey(HOST, "right"), Stage.BOOT, right)
    late = Thing(ResourceKey(HOST, "later"), Stage.ADVERTISE, some(work=None), (bad.key,))
    other = worlds.seed_004()
    run, raised = await converge_things(lab, (bad, good, late), {HOST: between(lab.world), ELSEWHERE: between(other)})
    assert str(raised) == "a promise was broken"
    ended = {event.target: event for event in lab.events if isinstance(event, TargetEnded)}
    assert ended[ELSEWHERE].detail == ("BugError: a promise was broken",)
    assert ended[HOST].outcome == Outcome.BLOCKED.value, "who needs it is told, and waits for nobody"
    assert str(ELSEWHERE) in ended[HOST].detail[0]
    unfinished = lab.journal.unfinished("lab")
    assert unfinished is not None
    assert (unfinished.run, unfinished.state) == (run.run, RunState.RUNNING)


async def test_a_step_that_can_neither_be_done_nor_waits_for_anything_is_our_own_mistake(lab: Lab) -> None:
    stuck = Thing(ResourceKey(HOST, "stuck"), Stage.BOOT, some(work=None))
    _, raised = await converge_things(lab, (stuck,), {HOST: between(lab.world)})
    assert "stuck can neither be done nor does it wait for anything" in str(raised)


@pytest.mark.parametrize("other", [Outcome.DIVERGED, Outcome.DONE])
async def test_a_plan_stays_approved_only_while_nothing_but_an_answer_is_missing(lab: Lab, other: Outcome) -> None:
    def decide(_outlook: object) -> Change | Settled:
        return Settled("stands")

    good: Any = Thing(ResourceKey(HOST, "right"), Stage.BOOT, decide if other is Outcome.DONE else some())
    away: Any = Thing(ResourceKey(ELSEWHERE, "away"), Stage.BOOT, decide)
    plan = Plan("lab", "d", Purpose.APPLY, (good, away), ())
    begun = lab.journal.begin(Plan("lab", "d", Purpose.APPLY, (), ()))
    stand, gone = between(lab.world), between(lab.world)
    gone.gathers = lambda _reads: Refusal(RefusalKind.UNREACHABLE, "no route")
    channels: dict[Target, Channel] = {HOST: channel(stand, "a"), ELSEWHERE: channel(gone, "b")}
    for target, each in channels.items():
        each.target = target
    result = await converge(Run(begun.run, plan, begun.state, begun.started), channels, lab.journal, lab.events.append)
    assert isinstance(result, Result)
    assert [ending.outcome for ending in result.endings.values()] == [other, Outcome.UNREACHABLE]
    assert (lab.journal.unfinished("lab") is not None) is (other is Outcome.DONE)


async def test_a_run_that_is_continued_waits_for_a_host_that_reboots(lab: Lab) -> None:
    plan = (await lab.survey()).draft.plan
    run = lab.journal.begin(plan)
    lab.host.strike(PowerLoss(50.0))
    result = await app.apply(lab.world, lab.journal, plan, lab.events.append, continued=run)
    assert result.done


async def test_a_prediction_that_does_not_hold_is_told_with_both_numbers(lab: Lab) -> None:
    lab.host.strike(SriovYield(4))
    ending = await _apply(lab, between(lab.world))
    assert ending.outcome is Outcome.DIVERGED
    assert "predicted as 16, found 4" in ending.reasons[0]


async def test_a_foreign_edit_between_look_and_write_is_seen_by_the_guard_and_kept(lab: Lab) -> None:
    stand = between(lab.world)

    def edit(program: Program) -> None:
        if len(stand.ran) == 1:
            path = "/etc/default/grub"
            content = lab.host.machine.files.nodes[path].content  # type: ignore[union-attr]  # it is a file
            lab.host.by_hand(WriteFile(path, content + b"GRUB_TIMEOUT_STYLE=menu\n"))

    stand.programs = edit
    assert (await _apply(lab, stand)).outcome is Outcome.DONE
    observed = await lab.observed()
    claims = observed.require(ours.PROBE).claims[kernel_arguments.KIND]
    assert claims["command_line"]
    await lab.run(Purpose.ROLLBACK)
    assert b"GRUB_TIMEOUT_STYLE=menu" in lab.host.machine.files.nodes["/etc/default/grub"].content  # type: ignore[union-attr]  # as above
