"""What the built-in machine shows of itself, read through the probes of a real one."""

from __future__ import annotations

import pytest

from gpucarve.engine.channels import snapshot
from gpucarve.facts import boot, driver, loader, pci, security, users
from gpucarve.facts.host import PROBES
from gpucarve.facts.observed import Observed, Unknown
from gpucarve.model.pci import PciAddress
from gpucarve.twin.worlds import SEED_004_HOST
from tests.twin.bench import GPU, OTHER_GPU, Bench

pytestmark = pytest.mark.anyio


async def _seen(bench: Bench) -> Observed:
    found = await snapshot(SEED_004_HOST, bench.transport)
    assert isinstance(found, Observed)
    return found


async def test_every_fact_of_the_machine_is_known_as_it_comes(bench: Bench) -> None:
    seen = await _seen(bench)
    assert [fact for fact in seen.facts.values() if isinstance(fact, Unknown)] == []
    assert set(seen.facts) == {probe.name for probe in PROBES}


async def test_firmware_loader_and_switches_are_those_of_an_intel_server_with_debian(bench: Bench) -> None:
    seen = await _seen(bench)
    running = seen.require(boot.PROBE)
    assert (running.iommu_table, running.virtualization) == ("DMAR", True)
    assert seen.require(loader.PROBE).kind == "grub"
    assert seen.require(security.PROBE) == security.Security(secure_boot=False, selinux="disabled")
    assert seen.require(driver.PROBE).flavour == "proprietary"


async def test_the_boot_display_and_the_nodes_of_the_gpus_are_told(bench: Bench) -> None:
    every = (await _seen(bench)).require(pci.PROBE).every
    assert [str(address) for address, each in every.items() if each.boot_vga] == ["0000:03:00.0"]
    assert [every[PciAddress.parse(gpu)].numa_node for gpu in (OTHER_GPU, GPU)] == [0, 1]


async def test_a_process_on_one_gpu_uses_that_one(bench: Bench) -> None:
    pid = bench.host.add_process(("/usr/bin/python3", "train.py"), ("/dev/nvidia1",))
    found = (await _seen(bench)).require(users.PROBE)
    assert [str(user) for user in found.on_gpu(PciAddress.parse(GPU))] == [f"process {pid} (python3)"]
    assert found.on_gpu(PciAddress.parse(OTHER_GPU)) == ()
