"""Every plan, killed anywhere: the same verb goes on to the same end, nothing is done twice, and the way back is exact.

The points are the controller's (before and after every journal write and every request) and, within the programs that
run on the host, the beginning of every write, so that the program goes on without its controller.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from gpucarve.facts import ours
from gpucarve.plan.plans import Purpose
from gpucarve.twin.faults import Point
from tests.story.cases import CASES, Case, Prepared, prepared
from tests.story.judging import Judge, repeated
from tests.story.killing import Victim
from tests.story.lab import Lab, difference, footprint
from tests.story.sampling import some

pytestmark = pytest.mark.anyio

PURPOSES = (Purpose.APPLY, Purpose.ROLLBACK)
each_run = pytest.mark.parametrize(
    ("case", "purpose"),
    [
        pytest.param(case, purpose, id=f"{case.name}-{purpose.value}")
        for case in CASES
        for purpose in PURPOSES
        if purpose is Purpose.APPLY or case.leaves_something
    ],
)


@each_run
async def test_after_a_death_anywhere_the_same_verb_reaches_the_same_end_and_repeats_nothing(
    case: Case, purpose: Purpose, tmp_path: Path
) -> None:
    ready = await prepared(case, purpose, tmp_path)
    lab = ready.lab(tmp_path / "count")
    judge, victim = Judge(lab.host), Victim(lab)
    before = lab.host.counts[Point.BEFORE_WRITE]
    assert await victim.run(purpose)
    writes = lab.host.counts[Point.BEFORE_WRITE] - before
    assert not judge.wrong
    assert min(len(victim.trail), writes) > 5
    for number, points in enumerate((_points(len(victim.trail)), _points(writes))):
        for at in some(points, case.name, purpose, number):
            lab = ready.lab(tmp_path / f"{number}-{at}")
            where = f"in write {at}" if number else victim.trail[at - 1]
            await _killed(ready, lab, purpose, Victim(lab, *((0, at) if number else (at,))), where, judge)


async def _killed(ready: Prepared, lab: Lab, purpose: Purpose, victim: Victim, where: str, undisturbed: Judge) -> None:
    judge = Judge(lab.host)
    assert not await victim.run(purpose), where
    assert victim.dead, where
    result = await lab.run(purpose)
    assert result.done, f"killed {where}: {result.endings}"
    assert not judge.wrong, f"killed {where}: {judge.wrong}"
    again = repeated(Counter(judge.seen), Counter(undisturbed.seen))
    assert not again, f"killed {where}: {again}"
    await check_the_end(ready, lab, purpose, f"killed {where}")


async def check_the_end(ready: Prepared, lab: Lab, purpose: Purpose, where: str) -> None:
    """All of it stands, nothing is left to do, and the way back leads to the start, with no claim left."""
    if purpose is Purpose.APPLY:
        assert await lab.stands(), where
        survey = await lab.survey()
        assert not survey.problems, where
        assert not survey.draft.plan.stages, f"{where}: {survey.draft.plan.stages}"
        assert footprint(lab.host)["services"] == ready.start["services"], where
        assert (await lab.run(Purpose.ROLLBACK)).done, where
    assert not (await lab.survey(Purpose.ROLLBACK)).draft.plan.stages, where
    assert difference(footprint(lab.host), ready.start) == {}, where
    assert (await lab.observed()).require(ours.PROBE).claims == {}, where


def _points(count: int) -> list[int]:
    return list(range(1, count + 1))
