"""The simulated device plugin: from the node's label to the number in allocatable."""

from __future__ import annotations

import pytest

from gpucarve.calls.objects import ApplyObject, GetObject, ObjectRef
from gpucarve.calls.primitives import Inspect
from gpucarve.calls.replies import Failure, FailureKind, Object
from gpucarve.twin.worlds import SEED_004_CLUSTER
from tests.twin.bench import NEXT_UUID, NEXT_VF, UUID, VF, Bench

pytestmark = pytest.mark.anyio

NODE = ObjectRef("v1", "Node", "computegpu000")
RESOURCE = "nvidia.com/GRID_A100D-40C"
LABEL = "nvidia.com/gpu.workload.config"


async def _label(bench: Bench, *value: str) -> Object:
    cluster = bench.world.cluster(SEED_004_CLUSTER)
    data = {"metadata": {"labels": {LABEL: value[0]}}} if value else {}
    reply = await cluster.ask(ApplyObject(NODE, "gpucarve", data))
    assert isinstance(reply, Object), reply
    return reply


async def _node(bench: Bench) -> Object:
    reply = await bench.world.cluster(SEED_004_CLUSTER).ask(GetObject(NODE))
    assert isinstance(reply, Object), reply
    return reply


async def _allocatable(bench: Bench) -> str | None:
    shown: str | None = (await _node(bench)).data["status"]["allocatable"].get(RESOURCE)
    return shown


async def test_the_resource_appears_some_time_after_the_label(bench: Bench) -> None:
    await bench.make_ready()
    bench.create(VF, "nvidia-697", UUID)
    bench.create(NEXT_VF, "nvidia-697", NEXT_UUID)
    await bench.world.clock.sleep(120)
    assert await _allocatable(bench) is None
    await _label(bench, "vm-vgpu")
    assert await _allocatable(bench) is None
    await bench.world.clock.sleep(60)
    assert await _allocatable(bench) == "2"
    assert (await _node(bench)).data["status"]["capacity"][RESOURCE] == "2"


async def test_other_workload_configs_bring_nothing(bench: Bench) -> None:
    await bench.make_ready()
    bench.create(VF, "nvidia-697", UUID)
    await _label(bench, "container")
    await bench.world.clock.sleep(120)
    assert await _allocatable(bench) is None


async def test_the_number_follows_the_machine_and_the_label(bench: Bench) -> None:
    await bench.make_ready()
    await _label(bench, "vm-vgpu")
    bench.create(VF, "nvidia-697", UUID)
    await bench.world.clock.sleep(60)
    assert await _allocatable(bench) == "1"
    bench.hand("mdevctl", "stop", "-u", UUID)
    await bench.world.clock.sleep(60)
    assert await _allocatable(bench) == "0"
    bench.create(VF, "nvidia-697", UUID)
    await bench.world.clock.sleep(60)
    await _label(bench)
    await bench.world.clock.sleep(60)
    assert await _allocatable(bench) == "0"


async def test_fields_of_others_stay_as_they_are(bench: Bench) -> None:
    before = (await _node(bench)).data
    await bench.make_ready()
    bench.create(VF, "nvidia-697", UUID)
    await _label(bench, "vm-vgpu")
    await bench.world.clock.sleep(60)
    after = (await _node(bench)).data
    assert after["spec"] == before["spec"]
    assert after["metadata"]["annotations"] == before["metadata"]["annotations"]
    assert {**before["metadata"]["labels"], LABEL: "vm-vgpu"} == after["metadata"]["labels"]
    assert after["status"]["conditions"] == before["status"]["conditions"]
    owners = before["metadata"]["managedFields"]
    assert after["metadata"]["managedFields"][: len(owners)] == owners


async def test_a_second_look_changes_no_version(bench: Bench) -> None:
    await bench.make_ready()
    bench.create(VF, "nvidia-697", UUID)
    await _label(bench, "vm-vgpu")
    await bench.world.clock.sleep(60)
    version = (await _node(bench)).resource_version
    await bench.world.clock.sleep(600)
    assert (await _label(bench, "vm-vgpu")).resource_version == version


async def test_what_is_not_there_is_absent_and_what_is_anothers_is_a_conflict(bench: Bench) -> None:
    cluster = bench.world.cluster(SEED_004_CLUSTER)
    absent = await cluster.ask(GetObject(ObjectRef("v1", "Node", "none")))
    assert isinstance(absent, Failure)
    assert absent.kind is FailureKind.ABSENT
    data = {"metadata": {"labels": {"example.org/rack": "elsewhere"}}}
    conflict = await cluster.ask(ApplyObject(NODE, "gpucarve", data))
    assert isinstance(conflict, Failure)
    assert conflict.kind is FailureKind.CONFLICT
    assert "rack-inventory" in conflict.detail
    assert isinstance(await cluster.ask(Inspect(("true",))), Failure)
