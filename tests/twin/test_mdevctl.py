"""mdevctl: the files it keeps, what it lists, and what it refuses."""

from __future__ import annotations

import json

import pytest

from gpucarve.calls.primitives import Stat
from gpucarve.calls.replies import PathStatuses
from tests.twin.bench import NEXT_UUID, NEXT_VF, THIRD_UUID, THIRD_VF, UUID, VF, Bench

pytestmark = pytest.mark.anyio


@pytest.fixture
async def ready(bench: Bench) -> Bench:
    await bench.make_ready()
    return bench


def _define(bench: Bench, uuid: str = UUID, vf: str = VF, *more: str) -> None:
    defined = bench.hand("mdevctl", "define", "--uuid", uuid, "--parent", vf, "--type", "nvidia-697", *more)
    assert defined.status == 0, defined.error_text()


async def test_a_definition_is_the_file_that_mdevctl_1_2_writes(ready: Bench) -> None:
    _define(ready, UUID, VF, "--auto")
    path = f"/etc/mdevctl.d/{VF}/{UUID}"
    assert (await ready.files(path))[path].content == (
        b'{\n  "mdev_type": "nvidia-697",\n  "start": "auto",\n  "attrs": []\n}'
    )
    (reply,) = await ready.read(Stat((f"/etc/mdevctl.d/{VF}", path)))
    assert isinstance(reply, PathStatuses)
    assert [status.mode for status in reply.entries] == [0o755, 0o644]


async def test_defining_starts_nothing_and_undefining_stops_nothing(ready: Bench) -> None:
    _define(ready)
    assert await ready.links("/sys/bus/mdev/devices/*") == {}
    ready.hand("mdevctl", "start", "-u", UUID)
    assert ready.hand("mdevctl", "undefine", "-u", UUID).status == 0
    assert await ready.links("/sys/bus/mdev/devices/*")
    assert (await ready.ask("mdevctl", "list")).text().strip() == f"{UUID} {VF} nvidia-697 manual"


async def test_undefining_leaves_the_parents_folder(ready: Bench) -> None:
    _define(ready)
    ready.hand("mdevctl", "undefine", "-u", UUID)
    (reply,) = await ready.read(Stat((f"/etc/mdevctl.d/{VF}", f"/etc/mdevctl.d/{VF}/*")))
    assert isinstance(reply, PathStatuses)
    assert [status.path for status in reply.entries] == [f"/etc/mdevctl.d/{VF}"]


async def test_lists_say_what_is_defined_and_what_is_active(ready: Bench) -> None:
    _define(ready)
    _define(ready, NEXT_UUID, NEXT_VF)
    ready.hand("mdevctl", "start", "-u", UUID)
    ready.hand("mdevctl", "start", "-u", THIRD_UUID, "-p", THIRD_VF, "-t", "nvidia-697")
    active = (await ready.ask("mdevctl", "list")).text().split("\n")
    defined = (await ready.ask("mdevctl", "list", "-d")).text().split("\n")
    assert f"{UUID} {VF} nvidia-697 manual (defined)" in active
    assert f"{THIRD_UUID} {THIRD_VF} nvidia-697 manual" in active
    assert f"{UUID} {VF} nvidia-697 manual (active)" in defined
    assert f"{NEXT_UUID} {NEXT_VF} nvidia-697 manual" in defined


async def test_the_json_dump_has_a_map_of_parents_in_a_list(ready: Bench) -> None:
    assert json.loads((await ready.ask("mdevctl", "list", "--dumpjson")).text()) == []
    _define(ready)
    dumped = json.loads((await ready.ask("mdevctl", "list", "-d", "--dumpjson")).text())
    assert dumped == [{VF: [{UUID: {"mdev_type": "nvidia-697", "start": "manual", "attrs": []}}]}]


async def test_types_are_listed_with_what_is_left(ready: Bench) -> None:
    ready.create(VF, "nvidia-697", UUID)
    text = (await ready.ask("mdevctl", "types", "-p", NEXT_VF)).text()
    assert text.startswith(f"{NEXT_VF}\n")
    assert "  nvidia-697\n    Available instances: 1\n    Device API: vfio-pci\n    Name: GRID A100D-40C\n" in text
    assert "  nvidia-698\n    Available instances: 0\n" in text
    dumped = json.loads((await ready.ask("mdevctl", "types", "--dumpjson")).text())
    assert {"nvidia-697"} == {name for entry in dumped[0][VF] for name in entry if name == "nvidia-697"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("define", "-u", UUID, "-p", VF, "-t", "nvidia-697"), f"Device {UUID} on {VF} already defined"),
        (("define", "-u", NEXT_UUID, "-t", "nvidia-697"), "No parent specified"),
        (("define", "-u", NEXT_UUID, "-p", VF), "No type specified"),
        (("undefine", "-u", NEXT_UUID), "No devices match the specified uuid"),
        (("start", "-u", UUID), "Device already exists"),
        (("start", "-u", UUID, "-t", "nvidia-698"), f"already exists on parent {VF} with type nvidia-697"),
        (("start", "-u", NEXT_UUID), "Device is insufficiently specified"),
        (("start", "-u", NEXT_UUID, "-p", VF, "-t", "nvidia-697"), f"No available instances of nvidia-697 on {VF}"),
        (("start", "-u", NEXT_UUID, "-p", VF, "-t", "nvidia-1"), f"Parent {VF} does not support mdev type nvidia-1"),
        (("start", "-u", NEXT_UUID, "-p", "0000:65:00.0", "-t", "nvidia-697"), "Unable to find parent device"),
        (("stop", "-u", NEXT_UUID), "No such file or directory (os error 2)"),
    ],
)
async def test_what_it_refuses_it_refuses_with_status_1_and_the_reason(
    ready: Bench, words: tuple[str, ...], message: str
) -> None:
    _define(ready)
    ready.hand("mdevctl", "start", "-u", UUID)
    before = ready.machine.files, ready.machine.up.devices
    refused = ready.hand("mdevctl", *words)
    assert refused.status == 1
    assert refused.error_text().startswith("Error: ")
    assert message in refused.error_text()
    assert (ready.machine.files, ready.machine.up.devices) == before


@pytest.mark.parametrize(
    "words", [(), ("stop",), ("define",), ("stop", "-u", "no-uuid"), ("list", "--colour"), ("stop", "-u")]
)
async def test_a_wrong_use_ends_with_status_2(ready: Bench, words: tuple[str, ...]) -> None:
    assert ready.hand("mdevctl", *words).status == 2


async def test_a_vgpu_made_by_hand_can_be_defined_as_it_stands(ready: Bench) -> None:
    ready.create(VF, "nvidia-697", UUID)
    assert ready.hand("mdevctl", "define", "-u", UUID).status == 0
    listed = (await ready.ask("mdevctl", "list")).text().strip()
    assert listed == f"{UUID} {VF} nvidia-697 manual (defined)"
