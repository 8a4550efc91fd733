"""A host that boots by itself after an apply: what was carved is there again, and no controller builds it twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpucarve.engine.converge import Result
from gpucarve.engine.endings import Outcome
from gpucarve.engine.events import StepBegun, Waiting
from gpucarve.facts import ours, units
from gpucarve.model.hosts import ResourceKey
from gpucarve.plan.making import Aim, make
from gpucarve.plan.plans import Plan
from gpucarve.resources.decisions import Resource
from gpucarve.resources.host import boot_unit
from gpucarve.resources.host.boot_unit import BootUnit, BootUnitAsBefore
from gpucarve.twin.boot_unit import SECONDS
from gpucarve.twin.faults import SelfReboot, SriovRefusals
from gpucarve.twin.sight import view
from tests.story.lab import GPU, HOST, Lab, footprint

pytestmark = pytest.mark.anyio
KEY = boot_unit.key(HOST)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


async def with_unit(lab: Lab) -> Plan:
    """The document's plan, with the boot unit in it."""
    plan = (await lab.survey()).draft.plan
    others = tuple(each for each in plan.resources if each.key != KEY)
    return await _plan(lab, (BootUnit(KEY), *others))


async def _plan(lab: Lab, resources: tuple[Resource, ...]) -> Plan:
    plan = (await lab.survey()).draft.plan
    return make(Aim(plan.fleet, plan.document, plan.purpose, resources), {HOST: await lab.observed()}).plan


async def carved(lab: Lab) -> Result:
    """Applied once, with a look back at the log of events."""
    result = await lab.apply(await with_unit(lab))
    assert result.done, result
    lab.events.clear()
    return result


async def power_cycle(lab: Lab, seconds_after: float) -> None:
    """It boots by itself, and so many seconds pass from power-on."""
    lab.host.strike(SelfReboot())
    await lab.world.clock.sleep(lab.host.machine.hardware.boot_seconds + seconds_after)


def begun(lab: Lab) -> list[ResourceKey]:
    """The steps that were begun."""
    return [event.step.key for event in lab.events if isinstance(event, StepBegun)]


def waited(lab: Lab, words: str) -> int:
    """How often it was told that the host is waited for with these words."""
    return sum(1 for event in lab.events if isinstance(event, Waiting) and words in event.reason)


async def test_the_unit_is_put_there_before_the_reboot_and_has_nothing_to_do_in_it(lab: Lab) -> None:
    plan = await with_unit(lab)
    assert KEY in [step.key for step in plan.stages[0].steps]
    assert (await lab.apply(plan)).done
    unit = (await lab.observed()).require(units.PROBE)
    assert unit == units.BootUnit(boot_unit.unit(), boot_unit.script(), enabled=True, state="active")


async def test_after_a_boot_everything_stands_again_and_a_second_apply_writes_nothing(lab: Lab) -> None:
    await carved(lab)
    before = footprint(lab.host)
    await power_cycle(lab, SECONDS + 1)
    assert footprint(lab.host) == before
    plan = await with_unit(lab)
    assert plan.stages == ()
    record = view(lab.host.machine).file("/var/lib/gpucarve/record").content
    assert (await lab.apply(plan)).done
    assert view(lab.host.machine).file("/var/lib/gpucarve/record").content == record


async def test_an_apply_in_the_middle_of_a_boot_waits_for_it_and_builds_nothing_twice(lab: Lab) -> None:
    await carved(lab)
    before = footprint(lab.host)
    plan = await with_unit(lab)
    await power_cycle(lab, 0.5)
    assert footprint(lab.host) != before, "what the boot has wiped is missing still"
    assert (await lab.apply(plan)).done
    assert begun(lab) == []
    assert waited(lab, units.NAME) == 1
    assert footprint(lab.host) == before


async def test_a_plan_that_is_made_in_the_middle_of_a_boot_is_made_of_what_the_boot_brings_back(lab: Lab) -> None:
    await carved(lab)
    before = footprint(lab.host)
    await power_cycle(lab, 0.5)
    assert not (await with_unit(lab)).stages
    assert footprint(lab.host) == before


@pytest.mark.parametrize("left", [0.05, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.5, 2.0])
async def test_a_boot_that_ends_in_the_middle_of_a_look_is_not_seen_half(lab: Lab, left: float) -> None:
    await carved(lab)
    before = footprint(lab.host)
    plan = await with_unit(lab)
    await power_cycle(lab, SECONDS - left)
    assert (await lab.apply(plan)).done
    assert begun(lab) == []
    assert footprint(lab.host) == before


async def test_what_the_boot_could_not_bring_back_is_built_by_the_apply(lab: Lab) -> None:
    await carved(lab)
    lab.host.strike(SriovRefusals(5))
    await power_cycle(lab, 0.5)
    assert (await lab.apply(await with_unit(lab))).done
    assert ResourceKey(HOST, "virtual-functions", GPU) in begun(lab)
    assert KEY not in begun(lab)
    assert (await lab.observed()).require(units.PROBE).state == "failed"


async def test_a_boot_unit_that_does_not_end_is_not_waited_for_for_ever(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    await carved(lab)
    monkeypatch.setattr("gpucarve.twin.boot_unit.SECONDS", 100_000.0)
    await power_cycle(lab, 0.5)
    begin = lab.world.clock.time
    result = await lab.apply(await with_unit(lab))
    assert not result.done
    assert result.endings[HOST].outcome is Outcome.LOCKED
    assert lab.world.clock.time - begin < 3600


async def test_the_way_back_leaves_the_host_as_it_was(lab: Lab) -> None:
    before = footprint(lab.host)
    await lab.apply(await _plan(lab, (BootUnit(KEY),)))
    assert footprint(lab.host) != before
    result = await lab.apply(await _plan(lab, (BootUnitAsBefore(KEY, "rolled back"),)))
    assert result.done
    assert footprint(lab.host) == before
    assert KEY.local not in (await lab.observed()).require(ours.PROBE).claims
