"""Every plan, on a host that loses power, reboots by itself, hangs or loses its network at any request and any write.

The run ends clearly, the same verb goes on to the same end, no command is repeated that has nothing left to do, and the
way back is exact. And once all stands: a boot of its own brings it back without any controller.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from gpucarve.engine.endings import Outcome
from gpucarve.plan.plans import Purpose
from gpucarve.twin.faults import CommandFails, Effect, Fault, Hang, NetworkLoss, Point, PowerLoss, SelfReboot
from tests.story.cases import CASES, Case, Prepared, prepared
from tests.story.judging import Judge
from tests.story.lab import difference, footprint, until_done
from tests.story.sampling import some
from tests.story.test_every_plan_crash import check_the_end, each_run

pytestmark = pytest.mark.anyio

EFFECTS: tuple[Effect, ...] = (
    PowerLoss(),
    PowerLoss(2000.0),
    SelfReboot(),
    Hang(45.0),
    Hang(600.0),
    NetworkLoss(15.0),  # one request is lost, and the next one served
    NetworkLoss(200.0),
)
CLEAR = {Outcome.UNREACHABLE, Outcome.LOCKED}
# A program's shell; and modprobe, which on the way back only spares the wait for the next boot.
UNTOLD = {"sh", "modprobe"}
SHARE = 2  # of the points of a test: there are seven effects, and a fault costs a run like a death


@each_run
async def test_whatever_happens_to_the_host_the_same_verb_reaches_the_same_end(
    case: Case, purpose: Purpose, tmp_path: Path
) -> None:
    ready = await prepared(case, purpose, tmp_path)
    faults = await every_fault(ready, purpose, tmp_path)
    for number, fault in enumerate(some(faults, case.name, purpose, share=SHARE)):
        await strike(ready, purpose, fault, tmp_path / str(number))


async def every_fault(ready: Prepared, purpose: Purpose, folder: Path) -> list[Fault]:
    """Each effect at each point that an undisturbed run passes."""
    lab = ready.lab(folder / "count")
    before = dict(lab.host.counts)
    assert (await lab.run(purpose)).done
    passed = {point: lab.host.counts[point] - before[point] for point in Point}
    return [
        Fault(point, number, effect) for point in Point for number in range(1, passed[point] + 1) for effect in EFFECTS
    ]


async def strike(ready: Prepared, purpose: Purpose, fault: Fault, folder: Path) -> None:
    """One fault, then the same verb again and again, as a person would."""
    lab = ready.lab(folder)
    judge = Judge(lab.host)
    lab.host.place(fault)
    survey = await lab.survey(purpose)
    if not survey.problems:
        await lab.apply(survey.draft.plan)
    endings = await until_done(partial(lab.later, purpose))
    assert {ending.outcome for ending in endings} <= CLEAR, f"{fault}: {endings}"
    assert all(ending.reasons for ending in endings)
    assert not judge.wrong, f"{fault}: {judge.wrong}"
    await check_the_end(ready, lab, purpose, str(fault))


@each_run
async def test_a_command_that_fails_once_ends_the_run_or_is_tried_again_and_the_next_run_is_done(
    case: Case, purpose: Purpose, tmp_path: Path
) -> None:
    ready = await prepared(case, purpose, tmp_path)
    lab = ready.lab(tmp_path / "count")
    judge = Judge(lab.host)
    assert (await lab.run(purpose)).done
    commands = [number for number, argv in enumerate(judge.seen) if argv[0] not in UNTOLD]
    for number in some(commands, case.name, purpose):
        await fail(ready, purpose, number, tmp_path / str(number))


async def fail(ready: Prepared, purpose: Purpose, number: int, folder: Path) -> None:
    """The command that starts as the `number`-th, from 0, does nothing and says so."""
    lab = ready.lab(folder)
    judge, spawn = Judge(lab.host), lab.host.spawn

    def failing(argv: tuple[str, ...], parent: int | None = None) -> int:
        pid = spawn(argv, parent)
        if len(judge.seen) == number + 1:
            lab.host.strike(CommandFails(argv[0].rpartition("/")[2]))
        return pid

    lab.host.spawn = failing  # type: ignore[method-assign]  # before the tool, and after what looks by it
    endings = await until_done(partial(lab.run, purpose))
    where = f"{judge.seen[number]} failed"
    assert {ending.outcome for ending in endings} <= {Outcome.FAILED}, f"{where}: {endings}"
    assert all(ending.reasons for ending in endings), where
    assert not judge.wrong, f"{where}: {judge.wrong}"
    await check_the_end(ready, lab, purpose, where)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_after_a_boot_of_its_own_all_stands_again_and_the_next_apply_writes_nothing(
    case: Case, tmp_path: Path
) -> None:
    ready = await prepared(case, Purpose.ROLLBACK, tmp_path)
    lab = ready.lab(tmp_path / "world")
    before = footprint(lab.host)
    lab.host.strike(PowerLoss(30.0))
    await lab.world.clock.sleep(500.0)
    assert difference(footprint(lab.host), before) == {}
    judge, writes = Judge(lab.host), lab.host.counts[Point.BEFORE_WRITE]
    assert (await lab.run()).done
    assert (judge.seen, lab.host.counts[Point.BEFORE_WRITE]) == ([], writes)
    await check_the_end(ready, lab, Purpose.APPLY, "booted")
