"""A demand on real steps: carved, found again by the next plan, changed with as little as can be, and given back."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpucarve.engine.events import StepEnded
from gpucarve.model.changes import Action
from gpucarve.plan.plans import Purpose
from tests.story.lab import Lab, fleet_of, footprint
from tests.story.site import Hall
from tests.story.test_story import start_guest

pytestmark = pytest.mark.anyio


def _document(workload: str, *wants: str) -> bytes:
    lines = "".join(f"\n          - {{{each}}}" for each in wants)
    return f"""
apiVersion: gpucarve/v1alpha1
kind: Fleet
metadata: {{name: lab}}
sites:
  - name: cci1
    platform: linux
    access: {{ssh: {{user: admin}}}}
    pools:
      - name: pool
        nodes: {{names: [computegpu000]}}
        workload: {workload}
        demand:{lines}
""".encode()


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


async def test_instances_are_made_where_they_fit_and_a_second_plan_moves_nothing(lab: Lab) -> None:
    start = footprint(lab.host)
    lab.text = _document("container", "mig: 1g.10gb, count: 5", "mig: 3g.40gb, count: 2")
    assert (await lab.run()).done
    assert await lab.stands()
    assert not (await lab.survey()).draft.plan.stages
    assert (await lab.run(Purpose.ROLLBACK)).done
    assert footprint(lab.host) == start


async def test_another_demand_leaves_standing_what_it_still_wants(lab: Lab) -> None:
    lab.text = _document("container", "mig: 1g.10gb, count: 5", "mig: 3g.40gb, count: 1")
    assert (await lab.run()).done
    lab.text = _document("container", "mig: 1g.10gb, count: 5", "mig: 2g.20gb, count: 3")
    plan = (await lab.survey()).draft.plan
    gone = [step for step in plan.steps if step.action is Action.REMOVE]
    assert [step.key.subject.partition("#")[2].partition("@")[0] for step in gone] == ["3g.40gb"]
    assert (await lab.apply(plan)).done
    assert await lab.stands()
    assert not (await lab.survey()).draft.plan.stages


async def test_vgpus_of_a_size_and_instances_of_a_type_share_the_host_and_stay(lab: Lab) -> None:
    lab.text = _document("vm-vgpu", "vgpuOf: {memory: 40Gi, series: C}, count: 2", "vgpu: A100D-2-20C, count: 3")
    assert (await lab.run()).done
    assert await lab.stands()
    assert not (await lab.survey()).draft.plan.stages


async def test_what_a_guest_uses_keeps_its_place_when_more_is_asked_for(lab: Lab) -> None:
    lab.text = _document("vm-vgpu", "vgpu: A100D-40C, count: 1")
    assert (await lab.run()).done
    (device,) = lab.host.machine.up.devices.mdevs
    start_guest(lab, device.uuid)
    lab.text = _document("vm-vgpu", "vgpu: A100D-40C, count: 1", "vgpu: A100D-20C, count: 4")
    survey = await lab.survey()
    assert not survey.problems
    assert not [step for step in survey.draft.plan.steps if step.action is Action.REMOVE]


async def test_what_does_not_fit_is_refused_with_the_conflict_and_nothing_is_planned(lab: Lab) -> None:
    lab.text = _document("container", "mig: 7g.80gb, count: 2", "mig: 1g.10gb, count: 1")
    survey = await lab.survey()
    (problem,) = survey.problems
    assert "the 2 GPUs of pool pool do not hold" in problem.fact
    assert problem.fix
    assert not survey.draft.plan.stages


def _hall(*wants: str) -> bytes:
    return _document("container", *wants).replace(b"cci1", b"hall").replace(b"computegpu000", b"gpu-0, gpu-1")


async def test_what_moves_to_another_host_stands_there_before_it_goes(tmp_path: Path) -> None:
    """Seven 1g stand on three cards beside a 4g each; where each other card becomes a 7g, they gather on one."""
    hall = Hall(tmp_path, size=2, rollout="{}")
    hall.fleet = fleet_of(_hall("mig: 1g.10gb, count: 7", "mig: 4g.40gb, count: 3"))
    assert (await hall.run()).done
    hall.fleet = fleet_of(_hall("mig: 1g.10gb, count: 7", "mig: 7g.80gb, count: 3"))
    survey = await hall.survey()
    assert not survey.problems
    waits = [
        (step.key, need) for step in survey.draft.plan.steps for need in step.needs if need.target != step.key.target
    ]
    assert waits
    assert (await hall.run()).done
    ended = [str(event.step.key) for event in hall.events if isinstance(event, StepEnded)]
    for removal, replacement in waits:
        assert ended.index(str(replacement)) < ended.index(str(removal))
    assert not (await hall.survey()).draft.plan.stages
