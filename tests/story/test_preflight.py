"""What would go wrong is said before anything begins: each with its fact, its rule and its fix, by a look alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gpucarve import app
from gpucarve.app import Survey
from gpucarve.calls.primitives import WriteFile
from gpucarve.facts import modules
from gpucarve.model.findings import Verdict
from gpucarve.model.hosts import Target
from gpucarve.model.pci import PciAddress
from gpucarve.plan.plans import Purpose
from gpucarve.resources.host import driver_blacklist, reboot, whole_gpu
from gpucarve.twin.faults import PowerLoss
from gpucarve.twin.hosts import SimulatedHost
from gpucarve.twin.machine import Files, PciDevice, VgpuDriver
from gpucarve.twin.worlds import SECOND_HOST, SEED_004_HOST, World, built_in_scene
from tests.story.kinds import WORKLOADS
from tests.story.lab import GPU, fleet_of
from tests.twin.second import QUADRO, T4, UCSI

pytestmark = pytest.mark.anyio

VGPUS, PASSTHROUGH, MIG, WHOLE = "vgpu: {A100D-40C: 2}", "passthrough: true", "mig: {3g.40gb: 2}", "whole: true"
NVSWITCH = PciDevice("0000:c0:00.0", "pci0000:c0/0000:c0:00.0", "10de", "1af1", "068000", "NVSwitch")
TOOLS = ("/usr/bin/nvidia-smi", "/usr/lib/nvidia/sriov-manage", "/usr/bin/mdevctl")


class Look:
    """A world nobody has touched, to be changed in one thing and then looked at."""

    def __init__(self, target: Target = SEED_004_HOST) -> None:
        self.target = target
        self.world = World(built_in_scene())
        self.host: SimulatedHost = self.world.hosts[target]

    def hardware(self, **fields: Any) -> Look:
        """Another machine in this, as it shows itself now."""
        self.host.machine = replace(self.host.machine, hardware=replace(self.host.machine.hardware, **fields))
        return self

    def device(self, address: str, **fields: Any) -> Look:
        """One device is another."""
        devices = self.host.machine.hardware.devices
        return self.hardware(
            devices=tuple(replace(each, **fields) if each.address == address else each for each in devices)
        )

    def lacking(self, *paths: str) -> Look:
        """Files that are not there."""
        nodes = {path: node for path, node in self.host.machine.files.nodes.items() if path not in paths}
        self.host.machine = replace(self.host.machine, files=Files(nodes))
        return self

    async def rebooted(self) -> Look:
        """After a power cut."""
        self.host.strike(PowerLoss(30.0))
        await self.world.clock.sleep(200.0)
        return self

    async def at(self, gpu: str, cut: str) -> Survey:
        """The survey for a document that asks for this, which has written nothing."""
        text = f"""
apiVersion: gpucarve/v1alpha1
kind: Fleet
metadata: {{name: lab}}
sites:
  - name: {self.target.site}
    platform: linux
    access: {{ssh: {{user: admin}}}}
    pools:
      - name: p
        nodes: {{names: [{self.target.name}]}}
        workload: {WORKLOADS[cut.partition(":")[0]]}
        cut: [{{gpu: "{gpu}", {cut}}}]
""".encode()
        files = self.host.machine.files
        found = await app.survey(self.world, fleet_of(text), Purpose.APPLY)
        assert self.host.machine.files is files
        return found

    async def refuses(self, gpu: str, cut: str) -> str:
        """Its sentences, one a line."""
        problems = (await self.at(gpu, cut)).problems
        assert all(each.fact and each.rule and each.fix for each in problems), problems
        return "\n".join(each.sentence() for each in problems)


@pytest.mark.parametrize("cut", [VGPUS, PASSTHROUGH])
async def test_an_iommu_that_the_firmware_keeps_off_is_turned_on_there(cut: str) -> None:
    said = await Look().hardware(vtd=False).refuses(GPU, cut)
    assert "there is neither a DMAR nor an IVRS table" in said
    assert "turn on VT-d" in said


@pytest.mark.parametrize("cut", [WHOLE, MIG])
async def test_containers_need_no_iommu_and_no_virtualization(cut: str) -> None:
    survey = await Look().hardware(vtd=False, virtualization=False).at(GPU, cut)
    assert not survey.problems
    assert not survey.warnings


@pytest.mark.parametrize("cut", [VGPUS, PASSTHROUGH])
async def test_virtualization_that_is_off_is_a_warning(cut: str) -> None:
    survey = await Look().hardware(virtualization=False).at(GPU, cut)
    assert not survey.problems
    (warning,) = survey.warnings
    assert (warning.fact, warning.check) == ("the CPU shows neither vmx nor svm", "virtualization")
    assert "VT-x" in warning.fix


async def test_nouveau_is_kept_out_and_takes_the_reboot_that_is_due() -> None:
    survey = await Look(SECOND_HOST).at(QUADRO, PASSTHROUGH)
    assert not survey.problems
    steps = {step.key.kind: step for step in survey.draft.plan.steps}
    assert steps["driver-blacklist"].before == "nouveau loaded"
    assert "driver-blacklist takes effect at boot" in steps[reboot.key(SECOND_HOST).kind].reason


async def test_nouveau_cannot_be_kept_out_where_somebody_else_has_written_our_file() -> None:
    look = Look(SECOND_HOST)
    look.host.by_hand(WriteFile(modules.BLACKLIST, b"options nouveau modeset=0\n"))
    said = await look.refuses(QUADRO, PASSTHROUGH)
    assert f"{modules.BLACKLIST} holds what gpucarve did not write" in said
    assert driver_blacklist.KIND not in [
        step.key.kind for step in (await look.at(QUADRO, PASSTHROUGH)).draft.plan.steps
    ]


async def test_a_group_that_holds_another_device_is_told_with_that_device_and_its_driver() -> None:
    look = await Look(SECOND_HOST).device("0000:c1:00.0", isolation="quadro").rebooted()
    said = await look.refuses(QUADRO, PASSTHROUGH)
    assert "also holds 0000:c1:00.0 (144d:a824, class 0108, driver nvme)" in said
    assert "ACS" in said


async def test_the_companions_of_a_gpu_are_no_strangers() -> None:
    survey = await Look(SECOND_HOST).at(QUADRO, PASSTHROUGH)
    (binding,) = (step for step in survey.draft.plan.steps if step.key.kind == "vfio-binding")
    assert UCSI in binding.before


@pytest.mark.parametrize(
    ("cut", "said"),
    [
        (VGPUS, "sriov-manage is missing — vGPUs need NVIDIA's vGPU host driver"),
        (MIG, "nvidia-smi is missing"),
        (WHOLE, "NVIDIA's driver is not installed"),
    ],
)
async def test_a_driver_that_is_not_installed_is_named_for_what_needs_it(cut: str, said: str) -> None:
    look = Look().hardware(driver=VgpuDriver("", {})).device(GPU, driver="").lacking(*TOOLS)
    assert said in await (await look.rebooted()).refuses(GPU, cut)


async def test_a_gpu_that_goes_to_guests_whole_needs_no_driver_of_nvidia() -> None:
    look = Look().hardware(driver=VgpuDriver("", {})).device(GPU, driver="").lacking(*TOOLS)
    assert not (await (await look.rebooted()).at(GPU, PASSTHROUGH)).problems


async def test_a_whole_gpu_under_nouveau_waits_for_the_boot_and_needs_nvidias_driver() -> None:
    assert "NVIDIA's driver is not installed" in await Look(SECOND_HOST).refuses(T4, WHOLE)


async def test_a_whole_gpu_that_nvidias_driver_has_is_verified_and_costs_nothing() -> None:
    survey = await Look().at(GPU, WHOLE)
    assert not survey.problems
    assert survey.draft.plan.stages == ()
    assert whole_gpu.key(SEED_004_HOST, PciAddress.parse(GPU)) in survey.draft.settled


H100 = {"device": "2331", "subsystem_device": "1626"}
RTX_PRO = {"device": "2bb5", "subsystem_device": "204e"}


@pytest.mark.parametrize(
    ("board", "version", "cut", "said"),
    [
        (H100, "510.108.03", "vgpu: {H100-40C: 2}", "release 15.0 is the first for it"),
        (RTX_PRO, "570.86.15", "mig: {1g.24gb: 1}", "it needs 575.57.08 or newer"),
        ({}, "460.32.04", MIG, ""),
    ],
)
async def test_a_driver_that_is_too_old_for_the_gpu_is_told_with_the_first_that_is_not(
    board: dict[str, str], version: str, cut: str, said: str
) -> None:
    look = Look().device(GPU, **board)
    types = look.host.machine.hardware.driver.types
    found = await look.hardware(driver=VgpuDriver(version, types)).refuses(GPU, cut)
    assert said in found
    assert bool(said) is bool(found)


@pytest.mark.parametrize(("cut", "refused"), [(VGPUS, True), (PASSTHROUGH, True), (MIG, False), (WHOLE, False)])
async def test_guests_get_no_gpu_of_a_board_with_nvswitches(cut: str, refused: bool) -> None:
    look = Look()
    look.hardware(devices=(*look.host.machine.hardware.devices, NVSWITCH))
    said = await look.refuses(GPU, cut)
    assert ("is on a board with NVSwitches (0000:c0:00.0)" in said) is refused
    assert bool(said) is refused


async def test_the_host_s_own_display_is_not_given_away() -> None:
    said = await Look(SECOND_HOST).device(QUADRO, boot_vga=True).refuses(QUADRO, PASSTHROUGH)
    assert "the firmware shows its messages on 0000:41:00.0" in said


async def test_a_look_that_finds_nothing_in_the_way_says_so() -> None:
    for gpu, cut in ((GPU, VGPUS), (GPU, PASSTHROUGH), (GPU, MIG), (GPU, WHOLE)):
        survey = await Look().at(gpu, cut)
        assert not [each for each in survey.problems if each.verdict is not Verdict.HOLDS]
        assert not survey.warnings
