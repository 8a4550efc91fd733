"""MIG on a simulated machine: modes, instances, what wipes them, and the vGPUs that stand in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from gpucarve.calls.replies import Done, Failure, FailureKind
from gpucarve.facts import mig
from gpucarve.facts.mig import GpuMig
from gpucarve.facts.observed import observe
from gpucarve.model.hosts import Target
from gpucarve.model.pci import PciAddress
from tests.twin.bench import GPU, NEXT_UUID, NEXT_VF, OTHER_GPU, SRIOV_MANAGE, TYPES, UUID, VF, Bench

pytestmark = pytest.mark.anyio

HOPPER = "2331"  # an H100 PCIe
HALF, QUARTER, SMALL = "9:4", "14:0", "19:6"


async def _seen(bench: Bench, gpu: str = GPU) -> GpuMig:
    replies = await bench.read(mig.MODES, mig.GPU_INSTANCES, mig.COMPUTE_INSTANCES)
    observed = observe(Target("lab", "h"), (mig.PROBE,), replies)
    return observed.require(mig.PROBE).by_gpu[PciAddress.parse(gpu)]


def _instances(gpu: GpuMig) -> list[str]:
    return [f"{each.profile}@{each.placement}" + "+c" * len(each.compute) for each in gpu.instances]


def _mig(bench: Bench, *words: str) -> tuple[int, str]:
    ended = bench.hand("nvidia-smi", "mig", "-i", GPU, *words)
    return ended.status, ended.text()


def _on(bench: Bench, mode: str = "1") -> tuple[int, str]:
    ended = bench.hand("nvidia-smi", "-i", GPU, "-mig", mode)
    return ended.status, ended.text()


def _become_hopper(bench: Bench) -> None:
    hardware = bench.machine.hardware
    devices = tuple(replace(each, device=HOPPER) if each.device == "20b5" else each for each in hardware.devices)
    bench.host.machine = replace(bench.machine, hardware=replace(hardware, devices=devices))


async def test_a_mode_is_set_on_the_gpu_that_is_named_and_seen_in_the_query(bench: Bench) -> None:
    assert _on(bench) == (0, f"Enabled MIG Mode for GPU 00000000:{GPU[5:]}\nAll done.\n")
    assert (await _seen(bench)).current is True
    assert (await _seen(bench, OTHER_GPU)).current is False


async def test_on_ampere_a_client_leaves_the_change_pending_until_a_reset_without_it(bench: Bench) -> None:
    client = bench.host.add_process(("nv-hostengine",), ("/dev/nvidia1", "/dev/nvidiactl"))
    status, said = _on(bench)
    assert status == 0
    assert "in pending enable state" in said
    seen = await _seen(bench)
    assert (seen.current, seen.pending) == (False, True)
    refused = bench.hand("nvidia-smi", "-i", GPU, "--gpu-reset")
    assert (refused.status, "In use by another client" in refused.text()) == (255, True)
    bench.host.end(client)
    assert bench.hand("nvidia-smi", "-i", GPU, "--gpu-reset").status == 0
    assert (await _seen(bench)).current is True


async def test_a_reset_wipes_the_instances_of_its_gpu_alone(bench: Bench) -> None:
    for gpu in (GPU, OTHER_GPU):
        bench.hand("nvidia-smi", "-i", gpu, "-mig", "1")
        bench.hand("nvidia-smi", "mig", "-i", gpu, "-cgi", HALF)
    assert bench.hand("nvidia-smi", "-i", GPU, "--gpu-reset").status == 0
    assert (await _seen(bench)).instances == ()
    assert (await _seen(bench)).current is True
    assert len((await _seen(bench, OTHER_GPU)).instances) == 1


async def test_a_client_of_another_gpu_is_no_hindrance(bench: Bench) -> None:
    bench.host.add_process(("cuda-app",), ("/dev/nvidia0", "/dev/nvidiactl"))
    _on(bench)
    assert (await _seen(bench)).current is True


async def test_on_hopper_a_client_makes_the_tool_refuse_and_nothing_is_pending(bench: Bench) -> None:
    _become_hopper(bench)
    bench.host.add_process(("nv-hostengine",), ("/dev/nvidia1",))
    status, said = _on(bench)
    assert status != 0
    assert "Unable to enable MIG Mode" in said
    seen = await _seen(bench)
    assert (seen.current, seen.pending) == (False, False)


@pytest.mark.parametrize("mode", ["0", "1"])
async def test_enabled_virtual_functions_keep_the_mode_from_changing(bench: Bench, mode: str) -> None:
    _on(bench, "1" if mode == "0" else "0")
    bench.hand(SRIOV_MANAGE, "-e", GPU)
    _on(bench, mode)
    assert (await _seen(bench)).current is (mode == "0")


@pytest.mark.parametrize(("become", "kept"), [(lambda _bench: None, True), (_become_hopper, False)])
async def test_a_reboot_wipes_instances_and_on_newer_boards_the_mode(
    bench: Bench, become: Callable[[Bench], None], kept: bool
) -> None:
    become(bench)
    _on(bench)
    _mig(bench, "-cgi", HALF, "-C")
    assert len((await _seen(bench)).instances) == 1
    await bench.reboot()
    seen = await _seen(bench)
    assert (seen.current, seen.instances) == (kept, ())


@pytest.mark.parametrize("verb", ["-e", "-d"])
async def test_switching_virtual_functions_wipes_instances_and_leaves_the_mode(bench: Bench, verb: str) -> None:
    if verb == "-d":
        _on(bench)
        bench.hand(SRIOV_MANAGE, "-e", GPU)
    _on(bench)
    _mig(bench, "-cgi", HALF)
    bench.hand(SRIOV_MANAGE, verb, GPU)
    seen = await _seen(bench)
    assert (seen.current, seen.instances) == (True, ())


async def test_an_instance_stands_where_it_was_asked_for(bench: Bench) -> None:
    _on(bench)
    status, said = _mig(bench, "-cgi", f"{QUARTER},14:2,14:4,{SMALL}")
    assert status == 0
    assert said.count("Successfully created GPU instance ID") == 4
    assert _instances(await _seen(bench)) == ["2g.20gb@0:2", "2g.20gb@2:2", "2g.20gb@4:2", "1g.10gb@6:1"]


@pytest.mark.parametrize(
    ("standing", "wish", "why"),
    [
        ("9:0", "14:2", "Insufficient Resources"),  # it overlaps
        ("9:0,9:4", "19", "Insufficient Resources"),  # one compute slice is left, no memory slice
        ("5:0,14:4,19:6", "19", "Insufficient Resources"),  # all compute slices are given away
        ("20:0", "20:1", "Insufficient Resources"),  # one +me a GPU
        ("19:0", "14:1", "Invalid Argument"),  # no placement of the profile
        ("19:0", "99", "Invalid Argument"),
    ],
)
async def test_what_does_not_fit_is_refused_and_leaves_the_rest(
    bench: Bench, standing: str, wish: str, why: str
) -> None:
    _on(bench)
    assert _mig(bench, "-cgi", standing)[0] == 0
    before = await _seen(bench)
    status, said = _mig(bench, "-cgi", wish)
    assert status != 0
    assert f"Failed to create GPU instances: {why}" in said
    assert await _seen(bench) == before


async def test_a_compute_instance_comes_with_it_or_afterwards_and_goes_first(bench: Bench) -> None:
    _on(bench)
    _mig(bench, "-cgi", QUARTER, "-C")
    _mig(bench, "-cgi", HALF)
    assert _instances(await _seen(bench)) == ["2g.20gb@0:2+c", "3g.40gb@4:4"]
    half = (await _seen(bench)).instances[1].instance_id
    assert _mig(bench, "-cci", "-gi", str(half))[0] == 0
    assert _instances(await _seen(bench)) == ["2g.20gb@0:2+c", "3g.40gb@4:4+c"]
    status, said = _mig(bench, "-dgi", "-gi", str(half))
    assert (status, "In use by another client" in said) == (19, True)
    assert _mig(bench, "-dci", "-ci", "0", "-gi", str(half))[0] == 0
    assert _mig(bench, "-dgi", "-gi", str(half))[0] == 0
    assert _instances(await _seen(bench)) == ["2g.20gb@0:2+c"]


async def test_a_part_of_an_instance_is_called_by_its_share(bench: Bench) -> None:
    _on(bench)
    _mig(bench, "-cgi", HALF)
    _mig(bench, "-cci", "0,0")
    (owner,) = (await _seen(bench)).instances
    assert [str(each.profile) for each in owner.compute] == ["1c.3g.40gb", "1c.3g.40gb"]
    assert "MIG 1c.3g.40gb" in (await bench.ask("nvidia-smi", "-L")).text()


async def test_without_mig_on_there_is_nothing_to_list_or_to_make(bench: Bench) -> None:
    for words in (("-lgi",), ("-lci",), ("-lgip",), ("-cgi", "19")):
        assert _mig(bench, *words) == (6, "No MIG-enabled devices found.\n")


async def test_profiles_and_placements_are_the_cards(bench: Bench) -> None:
    _on(bench)
    _mig(bench, "-cgi", "9:0")
    profiles = _mig(bench, "-lgip")[1]
    assert "MIG 3g.40gb           9     1/2 " in profiles
    assert "MIG 4g.40gb           5     0/1 " in profiles
    assert "GPU  1 Profile ID 15 Placements: {0,2,4,6}:2\n" in _mig(bench, "-lgipp")[1]


async def test_a_mig_backed_type_takes_an_instance_of_its_profile(bench: Bench) -> None:
    bench.set_kernel_arguments("quiet intel_iommu=on")
    await bench.reboot()
    _on(bench)
    bench.hand(SRIOV_MANAGE, "-e", GPU)
    assert await bench.left(VF, "nvidia-700") == 0
    _mig(bench, "-cgi", f"{QUARTER},{SMALL}")
    assert [await bench.left(VF, f"nvidia-{number}") for number in (700, 699, 701, 697)] == [1, 1, 0, 0]
    assert bench.create(VF, "nvidia-700", UUID) == Done()
    assert await bench.left(NEXT_VF, "nvidia-700") == 0
    refused = bench.create(NEXT_VF, "nvidia-700", NEXT_UUID)
    assert isinstance(refused, Failure)
    assert refused.kind is FailureKind.EXHAUSTED
    status, said = _mig(bench, "-dgi", "-gi", str((await _seen(bench)).instances[0].instance_id))
    assert (status, "In use by another client" in said) == (19, True)
    assert (await bench.files(f"{TYPES.format('0000:17:00.4', 'nvidia-700')}/name")) == {}


async def test_a_gpu_in_mig_mode_offers_no_time_sliced_vgpu(bench: Bench) -> None:
    bench.set_kernel_arguments("quiet intel_iommu=on")
    await bench.reboot()
    bench.hand(SRIOV_MANAGE, "-e", "ALL")
    assert await bench.left(VF, "nvidia-697") == 1
    bench.hand(SRIOV_MANAGE, "-d", GPU)
    _on(bench)
    bench.hand(SRIOV_MANAGE, "-e", GPU)
    assert await bench.left(VF, "nvidia-697") == 0
    assert await bench.left("0000:17:00.4", "nvidia-697") == 1
