"""Guests: what a host shows while one runs, and what cannot be started."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gpucarve import app
from gpucarve.calls.replies import Exited
from gpucarve.facts import domains, mediated, pci
from gpucarve.facts.observed import Observed
from gpucarve.model.hosts import Target
from gpucarve.model.pci import PciAddress
from gpucarve.twin import snapshots
from gpucarve.twin.errors import Impossible
from gpucarve.twin.hosts import SimulatedHost
from gpucarve.twin.worlds import SECOND_HOST, SEED_004_HOST, World, built_in_scene, seed_004_scene
from tests.twin.bench import GPU, NEXT_UUID, NEXT_VF, SRIOV_MANAGE, UUID, VF, Bench

QUADRO = "0000:41:00.0"
FUNCTIONS = tuple(f"0000:41:00.{number}" for number in range(4))


@pytest.fixture
def world() -> World:
    return World(built_in_scene())


@pytest.fixture
def given(world: World) -> SimulatedHost:
    """The second host with the Quadro and all its companions bound to vfio-pci."""
    host = world.hosts[SECOND_HOST]
    devices = host.machine.up.devices
    drivers = {**devices.drivers, **dict.fromkeys(FUNCTIONS, "vfio-pci")}
    host.machine = host.machine.with_devices(replace(devices, drivers=drivers))
    return host


@pytest.fixture
async def carved() -> Bench:
    """The first host with two vGPUs on one GPU."""
    bench = Bench(World(built_in_scene()))
    bench.set_kernel_arguments("quiet intel_iommu=on")
    assert bench.hand("systemctl", "reboot") == Exited(0, b"", b"")
    await bench.world.clock.sleep(120)
    bench.hand(SRIOV_MANAGE, "-e", GPU)
    for vf, uuid in ((VF, UUID), (NEXT_VF, NEXT_UUID)):
        bench.create(vf, "nvidia-697", uuid)
    return bench


async def test_a_gpus_address_means_its_first_vgpu_that_is_free(carved: Bench) -> None:
    for name in ("vm-1", "vm-2"):
        carved.host.start_guest(GPU, name)
    devices = (await _observed(carved.world, SEED_004_HOST)).require(mediated.PROBE).devices
    assert [devices[each].users[0].guest for each in (UUID, NEXT_UUID)] == ["vm-1", "vm-2"]
    with pytest.raises(Impossible, match="has no vGPU that is free"):
        carved.host.start_guest(GPU, "vm-3")


async def test_a_guest_that_is_shut_down_leaves_its_vgpu_free(carved: Bench) -> None:
    carved.host.start_guest(UUID, "vm-1")
    carved.host.stop_guest("vm-1")
    observed = await _observed(carved.world, SEED_004_HOST)
    assert observed.require(mediated.PROBE).devices[UUID].users == ()
    assert observed.require(domains.PROBE).running == {}


async def test_libvirt_notes_what_a_guest_was_given(carved: Bench) -> None:
    carved.host.start_guest(UUID, "vm-1")
    running = (await _observed(carved.world, SEED_004_HOST)).require(domains.PROBE).running
    assert running["vm-1"].mdevs == {UUID}


async def test_a_passed_through_gpu_goes_with_all_its_companions(world: World, given: SimulatedHost) -> None:
    given.start_guest(QUADRO, "vm-1")
    running = (await _observed(world, SECOND_HOST)).require(domains.PROBE).running
    assert running["vm-1"].functions == {PciAddress.parse(each) for each in FUNCTIONS}
    with pytest.raises(Impossible, match="in use by another guest"):
        given.start_guest(QUADRO, "vm-2")


def test_a_group_that_another_driver_holds_a_part_of_takes_no_guest(given: SimulatedHost) -> None:
    devices = given.machine.up.devices
    drivers = {**devices.drivers, FUNCTIONS[2]: "xhci_hcd"}
    given.machine = given.machine.with_devices(replace(devices, drivers=drivers))
    with pytest.raises(Impossible, match=r"is not viable: 0000:41:00\.2 is bound to xhci_hcd"):
        given.start_guest(QUADRO, "vm-1")


@pytest.mark.parametrize(
    ("device", "name", "why"),
    [
        (QUADRO, "vm-1", "is not passed through, and has no vGPU that is free"),
        ("0000:99:00.0", "vm-1", "there is no 0000:99:00.0"),
        ("quadro", "vm-1", "neither a vGPU's UUID there nor a PCI address"),
        (QUADRO, "vm/1", "no name for a guest"),
    ],
)
def test_what_cannot_be_started_is_said(world: World, device: str, name: str, why: str) -> None:
    with pytest.raises(Impossible, match=why):
        world.hosts[SECOND_HOST].start_guest(device, name)


def test_a_guest_that_does_not_run_cannot_be_stopped(world: World) -> None:
    with pytest.raises(Impossible, match="runs no guest vm-9; it runs none"):
        world.hosts[SEED_004_HOST].stop_guest("vm-9")


async def test_the_second_host_is_an_amd_machine_whose_quadro_is_four_functions_of_one_group(world: World) -> None:
    functions = (await _observed(world, SECOND_HOST)).require(pci.PROBE)
    quadro, tesla = functions.gpus
    assert (quadro.device, quadro.subsystem, quadro.driver) == ("1e30", "12ba", "nouveau")
    assert (tesla.device, tesla.subsystem, tesla.device_class) == ("1eb8", "12a2", "0302")
    assert quadro.iommu_group is not None
    group = functions.members(quadro.iommu_group)
    assert [(each.device, each.device_class) for each in group] == [
        ("1e30", "0300"), ("10f7", "0403"), ("1ad6", "0c03"), ("1ad7", "0c80"),
    ]  # fmt: skip
    assert [each.vendor for each in functions.every.values() if each.boot_vga] == ["1a03"]


def test_the_first_host_is_the_same_alone_and_beside_the_second() -> None:
    both, alone = built_in_scene().hosts, seed_004_scene().hosts
    assert snapshots.to_json(both[str(SEED_004_HOST)]) == snapshots.to_json(alone[str(SEED_004_HOST)])


async def _observed(world: World, target: Target) -> Observed:
    found = (await app.observe(world, (target,)))[target]
    assert isinstance(found, Observed), found
    return found
