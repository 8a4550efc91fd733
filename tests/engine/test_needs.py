"""Rollouts and what targets need of each other: nobody waits for ever, nobody builds on what is not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gpucarve.calls.flows import Flow, ask
from gpucarve.calls.primitives import Disown, ReadFiles
from gpucarve.calls.programs import Guarded
from gpucarve.calls.replies import Done, Failure, FailureKind
from gpucarve.engine.converge import Result
from gpucarve.engine.endings import Ending, Outcome
from gpucarve.engine.events import Begun
from gpucarve.model.hosts import ResourceKey, Target
from gpucarve.plan.rollouts import LeftOut, SiteRollout
from gpucarve.resources.decisions import Batch, Change, Settled
from gpucarve.resources.order import Stage
from gpucarve.twin import worlds
from tests.engine.places import between, converge_things
from tests.plan.resources import Thing, some
from tests.story.lab import HOST, Lab

pytestmark = pytest.mark.anyio

ELSEWHERE = Target(HOST.site, "gpu-2")


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def _working(times: int = 1) -> Any:
    """A decision that is a change so often that it can be carried out, and settled from then on."""
    left = times

    def decide(_outlook: object) -> Change | Settled:
        nonlocal left
        left -= 1
        return some(work=Batch((Guarded(Disown("nothing")),))) if left >= 0 else Settled("stands")

    return decide


def _needing(needed: ResourceKey) -> Any:
    """A decision that is predicted while what it needs does not stand, and settled then."""
    return lambda outlook: some(work=None) if needed in outlook.unsettled else Settled("stands")


async def test_a_canary_that_needs_another_host_gets_it_and_nobody_waits_for_ever(lab: Lab) -> None:
    needed = ResourceKey(ELSEWHERE, "needed")
    first = Thing(ResourceKey(HOST, "first"), Stage.ADVERTISE, _needing(needed), (needed,))
    # Decided once for the plan's stages, and then once a round.
    second = Thing(needed, Stage.BOOT, _working(times=2))
    rollout = SiteRollout(HOST.site, (HOST, ELSEWHERE))
    stands = {HOST: between(lab.world), ELSEWHERE: between(worlds.seed_004())}
    _, result = await converge_things(lab, (first, second), stands, (rollout,))
    assert isinstance(result, Result)
    assert result.done, result.endings
    assert [event.target for event in lab.events if isinstance(event, Begun)] == [HOST, ELSEWHERE]


async def test_what_needs_a_host_that_is_held_is_blocked_and_told(lab: Lab) -> None:
    needed = ResourceKey(ELSEWHERE, "needed")
    cluster = Target(HOST.site, "kube:main")
    broken = Thing(ResourceKey(HOST, "broken"), Stage.BOOT, some(work=_fails))
    late = Thing(ResourceKey(cluster, "late"), Stage.ADVERTISE, _needing(needed), (needed,))
    things = (broken, Thing(needed, Stage.BOOT, _working(times=2)), late)
    stands = {target: between(worlds.seed_004()) for target in (HOST, ELSEWHERE, cluster)}
    rollout = SiteRollout(HOST.site, (HOST, ELSEWHERE))
    _, result = await converge_things(lab, things, stands, (rollout,))
    assert isinstance(result, Result)
    outcomes = {target: ending.outcome for target, ending in result.endings.items()}
    assert outcomes == {HOST: Outcome.FAILED, ELSEWHERE: Outcome.HELD, cluster: Outcome.BLOCKED}
    assert stands[ELSEWHERE].ran == []


async def test_what_needs_a_host_that_was_left_out_is_blocked(lab: Lab) -> None:
    needed = ResourceKey(ELSEWHERE, "needed")
    late = Thing(ResourceKey(HOST, "late"), Stage.ADVERTISE, _needing(needed), (needed,))
    left_out = LeftOut(ELSEWHERE, ("unreachable: no route",))
    rollout = SiteRollout(HOST.site, (HOST, ELSEWHERE), max_failures=2, left_out=(left_out,))
    _, result = await converge_things(lab, (late,), {HOST: between(lab.world)}, (rollout,))
    assert isinstance(result, Result)
    assert result.endings[HOST].outcome is Outcome.BLOCKED
    assert result.endings[ELSEWHERE] == Ending(Outcome.LEFT_OUT, ("unreachable: no route",))


def _fails() -> Flow[Done | Failure]:
    yield from ask(ReadFiles(("/etc/hostname",)))
    return Failure(FailureKind.OTHER, "it did not work")
