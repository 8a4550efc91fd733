"""What the engine itself asks: whole runs on the guest, recorded as they are, to be put to the twin.

Boundary: each story drives a `GuestLab` from the state its name says; nothing is compared here.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gpucarve import app
from gpucarve.calls.primitives import Run
from gpucarve.engine.endings import Outcome
from gpucarve.facts.observed import Observed
from gpucarve.plan.making import Draft
from gpucarve.plan.plans import Purpose
from tests.kernel.alike.scenes.devices import FIRST, FORTY, SECOND, UUIDS, mdevctl, sriov
from tests.kernel.alike.steps import Act
from tests.kernel.lab import HOST, GuestLab
from tests.kernel.machine import GPU_ADDRESS as GPU
from tests.story.passing import Passing


@dataclass(frozen=True, slots=True)
class Story:
    """A run of the engine; `functions` as in a chain of scenes."""

    name: str
    tell: Callable[[GuestLab], None]
    functions: bool = False


def _vgpus(lab: GuestLab) -> None:
    assert lab.run().done
    assert lab.run(Purpose.ROLLBACK).done


def _typed(what: str, *commands: Run) -> Act:
    """Somebody with root types these."""
    script = "\n".join(shlex.join(command.argv) for command in commands)
    return Act(what, script, lambda twin: [twin.by_hand(command) for command in commands])


MADE = tuple(
    _typed(
        "somebody makes a vGPU",
        mdevctl("define", "--uuid", uuid, "--parent", parent, "--type", FORTY),
        mdevctl("start", "--uuid", uuid),
    )
    for uuid, parent in ((UUIDS[0], FIRST), (UUIDS[1], SECOND))
)


OFF = _typed("somebody turns the virtual functions off", sriov("-d", GPU))


def _happens(lab: GuestLab, act: Act) -> None:
    assert lab.exchanges is not None
    lab.guest.shell(act.guest)
    lab.exchanges.append(act)


def _by_hand(lab: GuestLab) -> None:
    """Somebody's vGPUs are in the way; then they are adopted, and left to whoever made them."""
    for act in MADE:
        _happens(lab, act)
    survey = lab.survey()
    assert survey.problems
    assert lab.ending(lab.apply(survey.draft.plan)).outcome is Outcome.REFUSED
    assert lab.run(Purpose.ADOPT).done
    assert lab.run(Purpose.ROLLBACK).done


def _passthrough(lab: GuestLab) -> None:
    _happens(lab, OFF)
    passing = Passing.of(HOST, (GPU,), "intel_iommu=on", "iommu=pt")
    for purpose in (Purpose.APPLY, Purpose.ROLLBACK):
        draft = _draft(lab, passing, purpose)
        assert not draft.blocked, [each.sentence() for each in draft.blocked]
        assert lab.apply(draft.plan).done


def _draft(lab: GuestLab, passing: Passing, purpose: Purpose) -> Draft:
    async def look() -> Draft:
        world = lab.open()
        try:
            found = (await app.observe(world, (HOST,)))[HOST]
            assert isinstance(found, Observed), found
            return passing.draft(found, purpose)
        finally:
            await world.close()

    return asyncio.run(look())


STORIES: Mapping[str, Story] = {
    each.name: each
    for each in (
        Story("vGPUs made and taken back", _vgpus, functions=True),
        Story("vGPUs made by hand, in the way, then adopted", _by_hand, functions=True),
        Story("a GPU given to vfio-pci and taken back", _passthrough, functions=True),
    )
}
