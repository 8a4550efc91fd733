"""Seeded worlds: a host, GPU clients, one or two documents and the way back, each with up to three things gone wrong.

GPUCARVE_WORLDS=10000 runs that many; a failing world is its seed, which is the number in the test's name.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from gpucarve import app
from gpucarve.engine.converge import Result
from gpucarve.engine.endings import Ending, Outcome
from gpucarve.errors import DocumentError
from gpucarve.facts import ours
from gpucarve.model.findings import Verdict
from gpucarve.plan.plans import Purpose
from gpucarve.twin.faults import CommandFails, Fault, PowerLoss, SelfReboot, SriovRefusals
from gpucarve.twin.machine import Ailments
from gpucarve.twin.scenes import Scene
from tests.story import drawing
from tests.story.cases import bare
from tests.story.judging import Judge
from tests.story.lab import Lab, difference, footprint

pytestmark = pytest.mark.anyio

WORLDS = int(os.environ.get("GPUCARVE_WORLDS", "150"))
AWAY = {Outcome.UNREACHABLE, Outcome.LOCKED}  # the host does not answer, or an orphan is still at work there
# The commands that only the way there, from a bare host, or only the way back has use for.
BUILDING = {("sriov-manage", "-e"), ("mdevctl", "define"), ("mdevctl", "start"), ("nvidia-smi", "-cgi")}
TAKING = {("sriov-manage", "-d"), ("mdevctl", "stop"), ("mdevctl", "undefine"), ("nvidia-smi", "-dgi")}


@dataclass
class Chapter:
    """One verb on one host, in a world and with a controller of its own, that goes on from what stands there."""

    lab: Lab
    purpose: Purpose
    faults: Sequence[Fault]

    async def told(self, forbidden: set[tuple[str, str]]) -> None:
        """Run it to its end, and judge what was said and done on the way."""
        judge = Judge(self.lab.host)
        for fault in self.faults:
            self.lab.host.place(fault)
        _check(await self._until_it_stands(), self.faults)
        assert not judge.wrong, (self.faults, judge.wrong)
        done = {(argv[0].rpartition("/")[2], word) for argv in judge.seen for word in argv[1:]}
        assert not done & forbidden, (self.faults, self.purpose)

    async def _attempt(self) -> Result | None:
        """What a person does: go on with what was cut off, else plan anew; None when the host cannot be read."""
        run = app.unfinished(self.lab.journal, self.lab.fleet, self.purpose)
        if run is not None:
            return await self.lab.apply(run.plan, continued=run)
        survey = await self.lab.survey(self.purpose)
        assert {each.verdict for each in survey.problems} <= {Verdict.UNKNOWN}, _said(survey)
        return None if survey.problems else await self.lab.apply(survey.draft.plan)

    async def _until_it_stands(self) -> list[Ending]:
        """Run the same verb until it was done and nothing has happened since; the endings that were not done."""
        endings: list[Ending] = []
        for _ in range(9):
            result = await self._attempt()
            endings += [
                each for each in (result.endings.values() if result else ()) if each.outcome is not Outcome.DONE
            ]
            await self.lab.world.clock.sleep(1000.0)
            survey = await self.lab.survey(self.purpose)
            if result is not None and result.done and not survey.problems and not survey.draft.plan.stages:
                return endings
        raise AssertionError(f"never done: {endings}")


@pytest.mark.parametrize("seed", range(WORLDS))
async def test_whatever_happens_in_a_world_the_end_stands_and_the_way_back_is_exact(seed: int, tmp_path: Path) -> None:
    randomness = Random(seed)  # noqa: S311  # a world is replayed from its seed
    lab = bare(drawing.host(randomness), tmp_path / "0", seed)
    start = footprint(lab.host)
    chapters = [Purpose.APPLY] * randomness.randint(1, 2) + [Purpose.ROLLBACK]
    for number, purpose in enumerate(chapters, start=1):
        steps = await _drawn(lab, purpose, randomness)
        forbidden = BUILDING if purpose is Purpose.ROLLBACK else TAKING if number == 1 else set()
        await Chapter(lab, purpose, drawing.faults(randomness, steps)).told(forbidden)
        # A world of its own for what follows, so that nothing more of this chapter goes wrong in it.
        lab = Lab(tmp_path / str(number), lab.text, seed * 10 + number, _as_it_is(lab), lab.target)
        if purpose is Purpose.APPLY:
            assert await lab.stands()
        assert footprint(lab.host)["services"] == start["services"]
    assert difference(footprint(lab.host), start) == {}
    assert (await lab.observed()).require(ours.PROBE).claims == {}


def _as_it_is(lab: Lab) -> Scene:
    """The world now, without what was still to go wrong in it."""
    scene = lab.world.scene()
    return replace(scene, hosts={name: replace(each, ailments=Ailments()) for name, each in scene.hosts.items()})


async def _drawn(lab: Lab, purpose: Purpose, randomness: Random) -> int:
    """Draw documents until one can be, for an apply; the number of steps that the plan has."""
    for _ in range(100 if purpose is Purpose.APPLY else 1):
        if purpose is Purpose.APPLY:
            lab.text = drawing.document(randomness, lab.target)
        try:
            survey = await lab.survey(purpose)
        except DocumentError:  # more of a type than a board can have
            continue
        if not survey.problems:
            return len(survey.draft.plan.steps)
        assert {each.check for each in survey.problems} <= {"layout"}, _said(survey)
    raise AssertionError("no document was found that can be")


def _check(endings: Sequence[Ending], faults: Sequence[Fault]) -> None:
    """Each ending has its reasons, and none says more than what was done to the host."""
    effects = [each.effect for each in faults]
    allowed = set(AWAY)
    if any(isinstance(effect, CommandFails | SriovRefusals) for effect in effects):
        allowed |= {Outcome.FAILED, Outcome.REFUSED}
    for number, ending in enumerate(endings):
        if number and any(isinstance(effect, PowerLoss | SelfReboot) for effect in effects):
            allowed.add(Outcome.DIVERGED)  # a plan made half way; then the half that stood was lost
        assert ending.outcome in allowed, (ending, faults)
        assert ending.reasons, ending
        assert all(ending.reasons), ending


def _said(survey: app.Survey) -> list[Any]:
    return [each.sentence() for each in survey.problems]
