"""A world is data: it turns into JSON and back, at any moment, and goes on from there."""

from __future__ import annotations

import json

import pytest

from gpucarve.twin import scenes, snapshots
from gpucarve.twin.worlds import World, seed_004_scene
from tests.twin.bench import UUID, VF, Bench

pytestmark = pytest.mark.anyio


async def test_a_world_goes_on_from_its_text(bench: Bench) -> None:
    await bench.make_ready()
    bench.hand("mdevctl", "define", "-u", UUID, "-p", VF, "--type", "nvidia-697")
    bench.hand("mdevctl", "start", "-u", UUID)
    bench.host.start_guest(UUID, "instance-0000002a")
    text = scenes.to_text(bench.world.scene())
    again = Bench(World(scenes.from_text(text)))
    assert scenes.to_text(again.world.scene()) == text
    patterns = ("/sys/bus/mdev/devices/*", "/sys/bus/pci/devices/*/iommu_group", "/dev/vfio/*")
    assert await again.links(*patterns) == await bench.links(*patterns)
    assert (await again.ask("mdevctl", "list")) == (await bench.ask("mdevctl", "list"))


def test_the_built_in_world_is_the_same_each_time() -> None:
    assert scenes.to_text(seed_004_scene()) == scenes.to_text(seed_004_scene())


def test_bytes_that_are_no_ascii_survive() -> None:
    scene = seed_004_scene()
    (machine,) = scene.hosts.values()
    data = snapshots.machine_to_json(machine)
    data["files"]["nodes"]["/srv/raw"] = {"kind": "file", "content": {"b64": "/wCA"}, "mode": 420, "uid": 0, "gid": 0}
    again = snapshots.machine_from_json(json.loads(json.dumps(data)))
    assert snapshots.machine_to_json(again) == data


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data.update(colour="red"), "unknown field 'colour'"),
        (lambda data: data["hardware"].update(cpus="four"), r"hardware\.cpus: int is expected"),
        (lambda data: data["hardware"].pop("kernel"), "kernel"),
        (lambda data: data["hardware"].update(devices={}), r"hardware\.devices: a list is expected"),
        (lambda data: data["files"]["nodes"].update({"/x": {"kind": "pipe"}}), "'pipe' is not a kind of node"),
        (lambda data: data.update(files=[]), "files: an object is expected"),
    ],
)
def test_what_does_not_fit_is_named(change: object, message: str) -> None:
    (machine,) = seed_004_scene().hosts.values()
    data = snapshots.machine_to_json(machine)
    change(data)  # type: ignore[operator]  # one of the lambdas above
    with pytest.raises(ValueError, match=message):
        snapshots.machine_from_json(data)
