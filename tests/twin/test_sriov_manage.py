"""NVIDIA's tool for virtual functions, with the ways it fails."""

from __future__ import annotations

import pytest

from gpucarve.calls.primitives import Remove, Run, WriteValue
from gpucarve.calls.replies import Failure, FailureKind
from gpucarve.twin.faults import SriovRefusals, SriovYield
from tests.twin.bench import GPU, OTHER_GPU, SRIOV_MANAGE, UUID, VF, Bench

pytestmark = pytest.mark.anyio


async def _enabled(bench: Bench, gpu: str) -> int:
    return int(await bench.text(f"/sys/bus/pci/devices/{gpu}/sriov_numvfs"))


async def test_enabling_one_gpu_gives_it_all_its_functions_and_leaves_the_other_alone(bench: Bench) -> None:
    bench.set_kernel_arguments("intel_iommu=on")
    await bench.reboot()
    assert bench.hand(SRIOV_MANAGE, "-e", GPU).status == 0
    links = await bench.links(f"/sys/bus/pci/devices/{GPU}/virtfn*")
    assert len(links) == 16
    assert links[f"/sys/bus/pci/devices/{GPU}/virtfn0"] == "../0000:65:00.4"
    assert links[f"/sys/bus/pci/devices/{GPU}/virtfn4"] == "../0000:65:01.0"
    assert await bench.links(f"/sys/bus/pci/devices/{VF}/physfn") == {
        f"/sys/bus/pci/devices/{VF}/physfn": "../0000:65:00.0"
    }
    assert await _enabled(bench, OTHER_GPU) == 0


async def test_every_function_gets_an_iommu_group_of_its_own(bench: Bench) -> None:
    await bench.make_ready()
    groups = await bench.links("/sys/bus/pci/devices/0000:65:0*/iommu_group")
    assert len(groups) == 17
    assert len(set(groups.values())) == 17


async def test_it_takes_the_address_as_nvidia_smi_prints_it(bench: Bench) -> None:
    assert bench.hand(SRIOV_MANAGE, "-e", "00000000:65:00.0").status == 0
    assert await _enabled(bench, GPU) == 16


async def test_all_means_every_nvidia_gpu_and_no_network_card(bench: Bench) -> None:
    bench.hand(SRIOV_MANAGE, "-e", "ALL")
    numbers = await bench.files("/sys/bus/pci/devices/*/sriov_numvfs")
    assert {path.split("/")[5]: file.text() for path, file in numbers.items()} == {
        "0000:17:00.0": "16",
        "0000:31:00.0": "0",
        "0000:31:00.1": "0",
        "0000:65:00.0": "16",
    }


async def test_a_gpu_that_is_as_wanted_is_left_alone_with_its_vgpus(bench: Bench) -> None:
    await bench.make_ready()
    bench.create(VF, "nvidia-697", UUID)
    assert bench.hand(SRIOV_MANAGE, "-e", GPU).text() == f"GPU at {GPU} already has VFs enabled.\n"
    assert await bench.links(f"/sys/bus/mdev/devices/{UUID}")
    bench.hand(SRIOV_MANAGE, "-d", OTHER_GPU)
    assert bench.hand(SRIOV_MANAGE, "-d", OTHER_GPU).text() == f"GPU at {OTHER_GPU} already has VFs disabled.\n"


async def test_turning_functions_off_takes_their_vgpus_with_them(bench: Bench) -> None:
    await bench.make_ready()
    bench.create(VF, "nvidia-697", UUID)
    assert bench.hand(SRIOV_MANAGE, "-d", GPU).status == 0
    assert not await bench.links(f"/sys/bus/mdev/devices/{UUID}")
    assert await _enabled(bench, GPU) == 0


async def test_turning_functions_off_without_the_lock_has_taken_the_vgpus_all_the_same(bench: Bench) -> None:
    await bench.make_ready()
    bench.create(VF, "nvidia-697", UUID)
    bench.host.strike(SriovRefusals(1))
    assert bench.hand(SRIOV_MANAGE, "-d", GPU).error_text() == f"Cannot obtain unbindLock for {GPU}"
    assert not await bench.links(f"/sys/bus/mdev/devices/{UUID}")
    assert await _enabled(bench, GPU) == 16


async def test_turning_functions_off_waits_for_a_guest_without_end(bench: Bench) -> None:
    await bench.make_ready()
    bench.create(VF, "nvidia-697", UUID)
    bench.host.start_guest(UUID, "instance-0000002a")
    reply = bench.host.by_hand(Run((SRIOV_MANAGE, "-d", GPU), deadline=60))
    assert isinstance(reply, Failure)
    assert reply.kind is FailureKind.TIMED_OUT
    assert await bench.links(f"/sys/bus/mdev/devices/{UUID}")


async def test_without_an_iommu_the_driver_takes_no_function(bench: Bench) -> None:
    assert bench.hand(SRIOV_MANAGE, "-e", GPU).status == 0
    assert await _enabled(bench, GPU) == 16
    assert not await bench.links(f"/sys/bus/pci/devices/{VF}/driver")


async def test_it_can_be_refused_its_lock_a_few_times_for_no_reason(bench: Bench) -> None:
    bench.host.strike(SriovRefusals(2))
    answers = [bench.hand(SRIOV_MANAGE, "-e", GPU) for _ in range(3)]
    assert [answer.status for answer in answers] == [1, 1, 0]
    assert answers[0].error_text() == f"Cannot obtain unbindLock for {GPU}"
    assert await _enabled(bench, GPU) == 16


async def test_it_can_succeed_and_still_yield_fewer_functions(bench: Bench) -> None:
    bench.host.strike(SriovYield(3))
    assert bench.hand(SRIOV_MANAGE, "-e", GPU).status == 0
    assert await _enabled(bench, GPU) == 3


async def test_disabling_takes_the_functions_away(bench: Bench) -> None:
    await bench.make_ready()
    assert bench.hand(SRIOV_MANAGE, "-d", GPU).status == 0
    assert await bench.links(f"/sys/bus/pci/devices/{GPU}/virtfn*", f"/sys/bus/pci/devices/{VF}") == {}
    assert len(await bench.links("/sys/class/mdev_bus/*")) == 16


async def test_the_driver_takes_no_count_from_sysfs(bench: Bench) -> None:
    reply = bench.host.by_hand(WriteValue(f"/sys/bus/pci/devices/{GPU}/sriov_numvfs", "16"))
    assert isinstance(reply, Failure)
    assert await _enabled(bench, GPU) == 0


@pytest.mark.parametrize("words", [(), ("-e",), ("-x", "ALL"), ("-e", "0000:31:00.0"), ("-e", "here")])
async def test_what_makes_no_sense_to_it_changes_nothing(bench: Bench, words: tuple[str, ...]) -> None:
    assert bench.hand(SRIOV_MANAGE, *words).status == 1
    assert await _enabled(bench, GPU) == 0


async def test_a_program_that_is_not_installed_is_absent(bench: Bench) -> None:
    bench.host.by_hand(Remove(SRIOV_MANAGE))
    reply = bench.host.by_hand(Run((SRIOV_MANAGE, "-e", GPU)))
    assert isinstance(reply, Failure)
    assert reply.kind is FailureKind.ABSENT
