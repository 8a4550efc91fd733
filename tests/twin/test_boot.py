"""Going down, coming up, and what of a machine outlives it."""

from __future__ import annotations

import pytest

from gpucarve.calls.primitives import MakeLink, ReadFiles, Remove, WriteFile
from gpucarve.calls.programs import Refusal, RefusalKind
from gpucarve.twin.worlds import seed_004
from tests.twin.bench import SRIOV_MANAGE, UUID, VF, Bench

pytestmark = pytest.mark.anyio


async def test_a_bare_machine_has_no_iommu_groups_and_no_virtual_functions(bench: Bench) -> None:
    links = await bench.links("/sys/bus/pci/devices/*/iommu_group", "/sys/bus/pci/devices/*/virtfn*")
    numbers = await bench.files("/sys/bus/pci/devices/*/sriov_numvfs")
    assert links == {}
    assert {file.text() for file in numbers.values()} == {"0"}


@pytest.mark.parametrize(
    ("arguments", "grouped"),
    [
        ("quiet intel_iommu=on", True),
        ("quiet intel_iommu=on,sm_on iommu=pt", True),
        ("quiet", False),
        ("intel_iommu=on intel_iommu=off", False),
        ("intel_iommu=off intel_iommu=on", True),
        ("amd_iommu=on", False),
    ],
)
async def test_iommu_groups_follow_the_last_intel_iommu_on_the_command_line(
    bench: Bench, arguments: str, grouped: bool
) -> None:
    bench.set_kernel_arguments(arguments)
    await bench.reboot()
    assert arguments in await bench.text("/proc/cmdline")
    assert bool(await bench.links("/sys/bus/pci/devices/*/iommu_group")) is grouped


async def test_passthrough_mode_shows_in_the_type_of_the_groups(bench: Bench) -> None:
    bench.set_kernel_arguments("intel_iommu=on iommu=pt")
    await bench.reboot()
    assert {file.text() for file in (await bench.files("/sys/kernel/iommu_groups/*/type")).values()} == {"identity"}


async def test_functions_of_one_slot_without_isolation_share_a_group(bench: Bench) -> None:
    bench.set_kernel_arguments("intel_iommu=on")
    await bench.reboot()
    groups = await bench.links("/sys/bus/pci/devices/0000:00:1f.*/iommu_group")
    assert len(groups) == 3
    assert len(set(groups.values())) == 1


async def test_settings_have_no_effect_before_update_grub_and_a_reboot(bench: Bench) -> None:
    before = await bench.text("/proc/cmdline")
    bench.set_kernel_arguments("quiet intel_iommu=on")
    assert await bench.text("/proc/cmdline") == before
    bench.host.by_hand(WriteFile("/etc/default/grub", b'GRUB_CMDLINE_LINUX_DEFAULT="other"\n'))
    await bench.reboot()
    assert (await bench.text("/proc/cmdline")).endswith("quiet intel_iommu=on")


async def test_a_reboot_is_answered_first_and_then_nobody_answers_until_the_machine_is_back(bench: Bench) -> None:
    boot = await bench.text("/proc/sys/kernel/random/boot_id")
    bench.hand("systemctl", "reboot")
    assert (await bench.ask("true")).status == 0
    await bench.world.clock.sleep(20)
    refusal = await bench.transport.gather((ReadFiles(("/proc/cmdline",)),))
    assert isinstance(refusal, Refusal)
    assert refusal.kind is RefusalKind.UNREACHABLE
    await bench.world.clock.sleep(80)
    assert await bench.text("/proc/sys/kernel/random/boot_id") != boot


async def test_a_reboot_takes_virtual_functions_and_vgpus_but_no_definition(bench: Bench) -> None:
    await bench.make_ready()
    bench.hand("mdevctl", "define", "-u", UUID, "-p", VF, "--type", "nvidia-697")
    bench.hand("mdevctl", "start", "-u", UUID)
    assert await bench.links("/sys/bus/mdev/devices/*")
    await bench.reboot()
    assert await bench.links("/sys/bus/mdev/devices/*", "/sys/class/mdev_bus/*") == {}
    assert list(await bench.files("/etc/mdevctl.d/*/*-*")) == [f"/etc/mdevctl.d/{VF}/{UUID}"]


async def test_debians_udev_rule_names_a_path_that_is_not_there_so_auto_starts_nothing(bench: Bench) -> None:
    await bench.make_ready()
    bench.hand("mdevctl", "define", "-u", UUID, "-p", VF, "--type", "nvidia-697", "--auto")
    await bench.reboot()
    bench.hand(SRIOV_MANAGE, "-e", "ALL")
    assert await bench.links("/sys/bus/mdev/devices/*") == {}


async def test_with_the_path_mended_auto_starts_what_is_defined_when_its_parent_appears(bench: Bench) -> None:
    await bench.make_ready()
    bench.host.by_hand(MakeLink("/usr/sbin/mdevctl", "../bin/mdevctl"))
    bench.hand("mdevctl", "define", "-u", UUID, "-p", VF, "--type", "nvidia-697", "--auto")
    await bench.reboot()
    bench.hand(SRIOV_MANAGE, "-e", "ALL")
    assert list(await bench.links("/sys/bus/mdev/devices/*")) == [f"/sys/bus/mdev/devices/{UUID}"]


async def test_a_machine_without_a_boot_menu_does_not_come_back(bench: Bench) -> None:
    bench.host.by_hand(Remove("/boot/grub/grub.cfg"))
    await bench.reboot()
    await bench.world.clock.sleep(3600)
    assert isinstance(await bench.transport.gather(()), Refusal)


async def test_the_same_seed_gives_the_same_boot_ids(bench: Bench) -> None:
    twin = Bench(seed_004())
    for each in (bench, twin):
        await each.reboot()
    path = "/proc/sys/kernel/random/boot_id"
    assert await bench.text(path) == await twin.text(path)
    assert await Bench(seed_004(seed=5)).text(path) != await Bench(seed_004(seed=6)).text(path)
