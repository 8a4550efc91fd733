"""The same host as a node of a cluster: after its vGPUs stand, a label is applied and their report is asserted."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gpucarve.app import observe
from gpucarve.calls.objects import ApplyObject, GetObject, ObjectRef
from gpucarve.calls.replies import Failure, Object
from gpucarve.engine.channels import Channel, ClusterChannel, HostChannel
from gpucarve.engine.converge import Result, converge
from gpucarve.engine.endings import Outcome
from gpucarve.engine.events import StepEnded, Waiting
from gpucarve.facts import node
from gpucarve.facts.observed import Observed
from gpucarve.model.changes import Action
from gpucarve.model.hosts import Target
from gpucarve.plan import codec
from gpucarve.plan.making import Aim, Draft, make
from gpucarve.plan.plans import Purpose
from gpucarve.resources.decisions import Resource
from gpucarve.resources.kube import MANAGER, allocatable, node_label
from gpucarve.resources.kube.allocatable import Allocatable
from gpucarve.resources.kube.node_label import NodeLabel
from gpucarve.twin import worlds
from gpucarve.twin.faults import CommandFails, SriovYield
from tests.story.lab import HOST, Lab

pytestmark = pytest.mark.anyio

CLUSTER = worlds.SEED_004_CLUSTER
NODE = HOST.name
LABEL = "nvidia.com/gpu.workload.config"
RESOURCE = "nvidia.com/GRID_A100D-40C"


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


async def _draft(lab: Lab, count: int = 2) -> Draft:
    """The host's own plan, and what its cluster is to be told and to show, once the vGPUs stand."""
    on_host = (await lab.survey()).draft.plan.resources
    vgpus = tuple(each.key for each in on_host if each.key.kind == "vgpu")
    label = NodeLabel(node_label.key(CLUSTER, NODE, LABEL), NODE, LABEL, "vm-vgpu", vgpus)
    report = Allocatable(allocatable.key(CLUSTER, NODE, RESOURCE), NODE, RESOURCE, count, (*vgpus, label.key), 120)
    resources: tuple[Resource, ...] = (*on_host, label, report)
    observed: dict[Target, Observed] = {}
    for target, answer in (await observe(lab.world, (HOST,))).items():
        assert isinstance(answer, Observed)
        observed[target] = answer
    seen = await _cluster(lab).observe()
    assert isinstance(seen, Observed)
    observed[CLUSTER] = seen
    return make(Aim("lab", lab.fleet.digest, Purpose.APPLY, resources), observed)


def _cluster(lab: Lab) -> ClusterChannel:
    return ClusterChannel(CLUSTER, lab.world.cluster(CLUSTER), (node.probe(NODE),))


async def _converge(lab: Lab, draft: Draft) -> Result:
    run = lab.journal.begin(draft.plan)
    host = HostChannel(HOST, lab.world.host(HOST), lab.journal.holder, run.run, lab.events.append)
    channels: dict[Target, Channel] = {HOST: host, CLUSTER: _cluster(lab)}
    return await converge(run, channels, lab.journal, lab.events.append)


async def _node(lab: Lab) -> dict[str, Any]:
    reply = await lab.world.cluster(CLUSTER).ask(GetObject(ObjectRef("v1", "Node", NODE)))
    assert isinstance(reply, Object)
    return copy.deepcopy(reply.data)


async def test_the_label_comes_after_the_vgpus_and_the_number_is_asserted(lab: Lab) -> None:
    result = await _converge(lab, await _draft(lab))
    assert result.done, result.endings
    order = [event.step.key.kind for event in lab.events if isinstance(event, StepEnded) and event.outcome == "done"]
    host = ["boot-unit", "kernel-arguments", "reboot", "virtual-functions", "vgpu", "vgpu"]
    assert order == [*host, "node-label", "allocatable"]
    found = await _node(lab)
    assert found["metadata"]["labels"][LABEL] == "vm-vgpu"
    assert found["status"]["allocatable"][RESOURCE] == "2"
    assert any(isinstance(event, Waiting) and event.target == CLUSTER for event in lab.events)


async def test_unrelated_fields_and_managers_stay_untouched(lab: Lab) -> None:
    before = await _node(lab)
    await _converge(lab, await _draft(lab))
    after = await _node(lab)
    ours = [each for each in after["metadata"]["managedFields"] if each["manager"] == MANAGER]
    assert ours == [each | {"fieldsV1": {"f:metadata": {"f:labels": {f"f:{LABEL}": {}}}}} for each in ours]
    assert len(ours) == 1
    del after["metadata"]["labels"][LABEL]
    for name in ("allocatable", "capacity"):
        after["status"][name].pop(RESOURCE, None)
    for data in (before, after):
        for name in ("managedFields", "resourceVersion"):
            data["metadata"].pop(name, None)
    assert after == before


async def test_a_second_apply_neither_writes_nor_waits(lab: Lab) -> None:
    await _converge(lab, await _draft(lab))
    draft = await _draft(lab)
    assert draft.plan.stages == ()
    version = (await _node(lab))["metadata"]["resourceVersion"]
    assert (await _converge(lab, draft)).done
    assert (await _node(lab))["metadata"]["resourceVersion"] == version


async def test_a_number_that_stays_wrong_is_a_failure_that_says_what_was_seen(lab: Lab) -> None:
    result = await _converge(lab, await _draft(lab, count=3))
    assert result.endings[HOST].outcome is Outcome.DONE
    assert result.endings[CLUSTER].outcome is Outcome.FAILED
    assert "last seen: 2" in result.endings[CLUSTER].reasons[0]


async def test_a_host_that_fails_blocks_what_depends_on_it_and_says_which(lab: Lab) -> None:
    draft = await _draft(lab)
    lab.host.strike(CommandFails("mdevctl", 9))
    result = await _converge(lab, draft)
    assert result.endings[HOST].outcome is Outcome.FAILED
    assert result.endings[CLUSTER].outcome is Outcome.BLOCKED
    assert str(HOST) in result.endings[CLUSTER].reasons[0]
    assert LABEL not in (await _node(lab))["metadata"]["labels"]


async def test_a_broken_prediction_on_the_host_keeps_the_label_away(lab: Lab) -> None:
    draft = await _draft(lab)
    lab.host.strike(SriovYield(4))
    result = await _converge(lab, draft)
    assert result.endings[HOST].outcome is Outcome.DIVERGED
    assert LABEL not in (await _node(lab))["metadata"]["labels"]


async def test_another_manager_s_label_of_another_value_is_a_conflict_and_not_overwritten(lab: Lab) -> None:
    theirs = ApplyObject(ObjectRef("v1", "Node", NODE), "somebody", {"metadata": {"labels": {LABEL: "container"}}})
    assert not isinstance(await lab.world.cluster(CLUSTER).ask(theirs), Failure)
    draft = await _draft(lab)
    assert [step.action for step in draft.plan.steps if step.key.kind == "node-label"] == [Action.CHANGE]
    result = await _converge(lab, draft)
    assert result.endings[CLUSTER].outcome is Outcome.FAILED
    assert "somebody" in result.endings[CLUSTER].reasons[0]
    assert (await _node(lab))["metadata"]["labels"][LABEL] == "container"


async def test_the_plan_with_its_edges_survives_json(lab: Lab) -> None:
    plan = (await _draft(lab)).plan
    assert codec.from_data(codec.to_data(plan)) == plan
    label = next(step for step in plan.steps if step.key.kind == "node-label")
    assert label.predicted
    assert {key.kind for key in label.needs} == {"vgpu"}
    assert replace(label, predicted=False) != label
