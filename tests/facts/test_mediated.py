"""Mediated devices: types, devices, definitions, users."""

from __future__ import annotations

import json

import pytest

from gpucarve.calls.replies import Failure, FailureKind, Holder
from gpucarve.facts import mediated, users
from gpucarve.model.pci import PciAddress
from tests.facts.answers import Content, gathered, known, why

VF = PciAddress.parse("0000:65:00.4")
UUID = "5c630867-a673-5d75-aa31-a499e6c7cb19"
AVAILABLE = mediated.type_path(VF, "nvidia-697", "available_instances")
TYPES: dict[str, Content] = {mediated.type_path(VF, "nvidia-697", "name"): "GRID A100D-40C\n", AVAILABLE: "1\n"}
DEVICE = mediated.device_path(UUID)
LINKS = {
    DEVICE: f"../../../devices/pci0000:64/0000:65:00.0/{VF}/{UUID}",
    f"{DEVICE}/mdev_type": "../mdev_supported_types/nvidia-697",
    f"{DEVICE}/iommu_group": "../../../../kernel/iommu_groups/99",
}
DEFINITION = mediated.definition_path(VF, UUID)


def test_types_are_found_by_their_short_names() -> None:
    assert known(mediated.PROBE, TYPES).types == {VF: {"A100D-40C": mediated.MdevType("nvidia-697", "A100D-40C", 1)}}


@pytest.mark.parametrize("content", ["", "many", "-1"])
def test_a_type_that_does_not_say_how_many_are_left_makes_it_unknown(content: str) -> None:
    assert "how many instances are left" in why(mediated.PROBE, TYPES | {AVAILABLE: content})


def test_a_device_is_read_with_its_parent_type_and_users() -> None:
    argv = ("qemu-system-x86_64", "-name", "guest=vm-7,debug-threads=on")
    found = known(
        mediated.PROBE, TYPES, LINKS, holders=(Holder("/dev/vfio/99", 41, argv), Holder("/dev/vfio/98", 4, ()))
    )
    assert found.devices == {
        UUID: mediated.Mdev(UUID, VF, "nvidia-697", (users.User(41, "vm-7", command="qemu-system-x86_64"),))
    }
    assert found.on(VF) == tuple(found.devices.values())
    assert found.on(PciAddress.parse("0000:65:00.5")) == ()


def test_a_guest_that_opens_the_device_itself_and_not_its_group_is_a_user_too() -> None:
    argv = ("qemu-system-x86_64", "-name", "guest=vm-7,debug-threads=on")
    links = LINKS | {"/sys/class/vfio-dev/vfio3/device/iommu_group": "../../../../kernel/iommu_groups/99"}
    found = known(mediated.PROBE, TYPES, links, holders=(Holder("/dev/vfio/devices/vfio3", 41, argv),))
    assert [user.guest for user in found.devices[UUID].users] == ["vm-7"]


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        (("qemu", "-name", "guest=vm-7,debug-threads=on"), "guest vm-7"),
        (("qemu", "-name", "debug-threads=on,guest=vm-7"), "guest vm-7"),
        (("qemu", "-name", "vm-7,process=x"), "guest vm-7"),
        (("/usr/bin/vfio-tool", "-v"), "process 41 (vfio-tool)"),
        ((), "process 41"),
    ],
)
def test_a_user_is_named_as_its_command_line_tells(argv: tuple[str, ...], name: str) -> None:
    found = known(mediated.PROBE, TYPES, LINKS, holders=(Holder("/dev/vfio/99", 41, argv),))
    assert str(found.devices[UUID].users[0]) == name


def test_a_device_that_goes_away_while_we_look_is_none() -> None:
    assert known(mediated.PROBE, TYPES, {DEVICE: LINKS[DEVICE]}).devices == {}


@pytest.mark.parametrize("start", ["auto", "manual", None])
def test_a_definition_is_read_and_is_manual_unless_it_says_otherwise(start: str | None) -> None:
    data = {"mdev_type": "nvidia-697"} | ({"start": start} if start else {})
    found = known(mediated.PROBE, {DEFINITION: json.dumps(data)})
    assert found.definitions == {UUID: mediated.Definition(UUID, VF, "nvidia-697", start or "manual")}


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "{}", "[" * 30_000, None, Failure(FailureKind.REFUSED, "Permission denied")],
    ids=["empty", "cut off", "a list", "no type", "too deep", "too long", "refused"],
)
def test_a_definition_that_cannot_be_read_makes_it_unknown_and_is_named(content: Content) -> None:
    assert DEFINITION in why(mediated.PROBE, {DEFINITION: content})


def test_parents_with_a_folder_of_definitions_are_known_also_when_it_is_empty() -> None:
    found = known(mediated.PROBE, folders=(f"{mediated.DEFINITIONS}/{VF}",))
    assert found.defined_parents == {VF}


def test_mediated_devices_of_other_buses_are_none_of_ours() -> None:
    files: dict[str, Content] = {
        f"{mediated.PARENTS}/mtty/mdev_supported_types/mtty-1/name": "Single port serial\n",
        f"{mediated.PARENTS}/mtty/mdev_supported_types/mtty-1/available_instances": "24\n",
    }
    links = {
        DEVICE: f"../../../devices/virtual/mtty/mtty/{UUID}",
        f"{DEVICE}/mdev_type": "../mdev_supported_types/mtty-1",
    }
    found = known(mediated.PROBE, files, links)
    assert (found.types, found.devices) == ({}, {})


def test_a_host_without_mediated_devices_has_none() -> None:
    assert gathered(mediated.PROBE) == mediated.Mediated({}, {}, {}, bus=False)


def test_a_kernel_that_could_have_them_is_told_from_one_that_cannot() -> None:
    assert known(mediated.PROBE, folders=(mediated.BUS,)).bus
