"""The rules of time-sliced vGPUs as the host driver keeps them, and the errors the kernel gives."""

from __future__ import annotations

import pytest

from gpucarve.calls.primitives import FindHolders, ReadFiles, Run, Stat, WriteValue
from gpucarve.calls.replies import Done, Failure, FailureKind, Files, Holders, PathKind, PathStatuses
from tests.twin.bench import (
    GPU,
    NEXT_UUID,
    NEXT_VF,
    OTHER_GPU,
    SRIOV_MANAGE,
    THIRD_UUID,
    THIRD_VF,
    TYPES,
    UUID,
    VF,
    Bench,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
async def ready(bench: Bench) -> Bench:
    await bench.make_ready()
    return bench


def _remove(uuid: str) -> WriteValue:
    return WriteValue(f"/sys/bus/mdev/devices/{uuid}/remove", "1")


def _kind(reply: object) -> FailureKind:
    assert isinstance(reply, Failure), reply
    return reply.kind


async def test_types_stand_on_virtual_functions_only(ready: Bench) -> None:
    parents = set(await ready.links("/sys/class/mdev_bus/*"))
    assert len(parents) == 32
    assert not parents & {f"/sys/class/mdev_bus/{GPU}", f"/sys/class/mdev_bus/{OTHER_GPU}"}


async def test_without_an_iommu_there_are_functions_but_no_types(bench: Bench) -> None:
    assert bench.hand(SRIOV_MANAGE, "-e", GPU).status == 0
    assert await bench.links(f"/sys/bus/pci/devices/{VF}")
    assert await bench.links("/sys/class/mdev_bus/*") == {}


async def test_a_type_says_its_name_and_what_it_is(ready: Bench) -> None:
    folder = TYPES.format(VF, "nvidia-697")
    assert await ready.text(f"{folder}/name") == "GRID A100D-40C"
    assert "framebuffer=40960M" in await ready.text(f"{folder}/description")
    assert "max_instance=2" in await ready.text(f"{folder}/description")
    assert await ready.text(f"{folder}/device_api") == "vfio-pci"


async def test_a_vgpu_shows_where_the_kernel_shows_it(ready: Bench) -> None:
    assert ready.create(VF, "nvidia-697", UUID) == Done()
    home = f"/sys/bus/mdev/devices/{UUID}"
    links = await ready.links(home, f"{home}/mdev_type", f"{home}/iommu_group")
    assert links[home] == f"../../../devices/pci0000:64/0000:64:00.0/{VF}/{UUID}"
    assert links[f"{home}/mdev_type"] == "../mdev_supported_types/nvidia-697"
    group = links[f"{home}/iommu_group"].removeprefix("../../../../../kernel/iommu_groups/")
    (reply,) = await ready.read(Stat((f"/dev/vfio/{group}",)))
    assert isinstance(reply, PathStatuses)
    assert [status.kind for status in reply.entries] == [PathKind.SPECIAL]


async def test_a_function_carries_one_vgpu(ready: Bench) -> None:
    ready.create(VF, "nvidia-696", UUID)
    assert await ready.left(VF, "nvidia-696") == 0
    assert await ready.left(NEXT_VF, "nvidia-696") == 1
    assert _kind(ready.create(VF, "nvidia-696", NEXT_UUID)) is FailureKind.EXHAUSTED


async def test_all_vgpus_of_a_gpu_have_one_size_and_the_other_gpu_may_differ(ready: Bench) -> None:
    ready.create(VF, "nvidia-697", UUID)
    assert await ready.left(NEXT_VF, "nvidia-697") == 1
    assert await ready.left(NEXT_VF, "nvidia-696") == 0
    assert await ready.left("0000:17:00.4", "nvidia-696") == 1
    assert _kind(ready.create(NEXT_VF, "nvidia-696", NEXT_UUID)) is FailureKind.EXHAUSTED
    assert ready.create("0000:17:00.4", "nvidia-696", NEXT_UUID) == Done()


async def test_a_gpu_takes_no_more_of_a_type_than_its_maximum(ready: Bench) -> None:
    assert ready.create(VF, "nvidia-697", UUID) == Done()
    assert ready.create(NEXT_VF, "nvidia-697", NEXT_UUID) == Done()
    assert await ready.left(THIRD_VF, "nvidia-697") == 0
    assert _kind(ready.create(THIRD_VF, "nvidia-697", THIRD_UUID)) is FailureKind.EXHAUSTED


async def test_removing_a_vgpu_gives_its_place_back(ready: Bench) -> None:
    ready.create(VF, "nvidia-697", UUID)
    assert ready.host.by_hand(_remove(UUID)) == Done()
    assert await ready.links("/sys/bus/mdev/devices/*") == {}
    assert await ready.left(NEXT_VF, "nvidia-698") == 1


async def test_types_for_mig_have_nothing_left_without_mig(ready: Bench) -> None:
    assert await ready.text(f"{TYPES.format(VF, 'nvidia-700')}/name") == "GRID A100D-2-20C"
    assert await ready.left(VF, "nvidia-700") == 0


async def test_a_uuid_is_taken_once_on_the_whole_machine(ready: Bench) -> None:
    ready.create(VF, "nvidia-697", UUID)
    assert _kind(ready.create("0000:17:00.4", "nvidia-697", UUID)) is FailureKind.EXISTS


@pytest.mark.parametrize("text", ["", "not-a-uuid", f"{UUID}0", f" {UUID}"])
async def test_what_is_no_uuid_is_invalid(ready: Bench, text: str) -> None:
    assert _kind(ready.create(VF, "nvidia-697", text)) is FailureKind.INVALID


async def test_a_type_or_parent_that_is_not_there_is_absent(ready: Bench) -> None:
    assert _kind(ready.create(VF, "nvidia-1", UUID)) is FailureKind.ABSENT
    assert _kind(ready.create(GPU, "nvidia-697", UUID)) is FailureKind.ABSENT
    assert _kind(ready.host.by_hand(_remove(UUID))) is FailureKind.ABSENT


async def test_a_vgpu_that_a_guest_has_open_can_be_traced_to_it(ready: Bench) -> None:
    ready.create(VF, "nvidia-697", UUID)
    pid = ready.host.start_guest(UUID, "instance-0000002a")
    group = (await ready.links(f"/sys/bus/mdev/devices/{UUID}/iommu_group")).popitem()[1].rpartition("/")[2]
    (reply,) = await ready.read(FindHolders(("/dev/vfio/",)))
    assert isinstance(reply, Holders)
    (holder,) = [each for each in reply.entries if each.path == f"/dev/vfio/{group}"]
    assert holder.pid == pid
    assert "guest=instance-0000002a,debug-threads=on" in holder.argv
    assert f"/proc/{pid}/cmdline" in await ready.files("/proc/*/cmdline")
    ready.host.end(pid)
    assert ready.host.by_hand(_remove(UUID)) == Done()


@pytest.mark.parametrize("remove", [_remove(UUID), Run(("mdevctl", "stop", "-u", UUID))], ids=["sysfs", "mdevctl"])
async def test_removing_a_vgpu_that_a_guest_has_waits_and_takes_it_off_the_bus_until_the_guest_ends(
    ready: Bench, remove: WriteValue | Run
) -> None:
    ready.create(VF, "nvidia-697", UUID)
    group = ready.host.machine.up.devices.groups[UUID]
    ready.host.start_guest(UUID, "vm-1")
    assert _kind(ready.host.by_hand(remove)) is FailureKind.TIMED_OUT
    assert await ready.links("/sys/bus/mdev/devices/*") == {}
    assert _kind(ready.create(VF, "nvidia-697", NEXT_UUID)) is FailureKind.EXHAUSTED
    (reply,) = await ready.read(Stat((f"/dev/vfio/{group}",)))
    assert isinstance(reply, PathStatuses)
    assert reply.entries, "the guest still has it"
    ready.host.stop_guest("vm-1")
    assert ready.host.machine.up.devices.mdevs == ()
    assert ready.create(VF, "nvidia-697", NEXT_UUID) == Done()


async def test_attributes_that_are_only_written_cannot_be_read(ready: Bench) -> None:
    (reply,) = await ready.read(ReadFiles((f"{TYPES.format(VF, 'nvidia-697')}/create",)))
    assert isinstance(reply, Files)
    (entry,) = reply.entries
    assert entry.failure is not None
    assert entry.failure.kind is FailureKind.REFUSED


async def test_attributes_that_are_only_read_cannot_be_written(ready: Bench) -> None:
    reply = ready.host.by_hand(WriteValue(f"/sys/bus/pci/devices/{GPU}/vendor", "0x1002"))
    assert _kind(reply) is FailureKind.REFUSED
