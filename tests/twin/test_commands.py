"""The other commands of a machine, and how a name finds its program."""

from __future__ import annotations

import pytest

from gpucarve.calls.primitives import Inspect, Run, WriteFile
from gpucarve.calls.replies import Failure, FailureKind
from gpucarve.twin.faults import CommandFails
from tests.twin.bench import GPU, SRIOV_MANAGE, Bench

pytestmark = pytest.mark.anyio


async def test_update_grub_makes_the_same_menu_from_the_same_settings(bench: Bench) -> None:
    before = await bench.text("/boot/grub/grub.cfg")
    assert bench.hand("update-grub").status == 0
    assert await bench.text("/boot/grub/grub.cfg") == before
    bench.set_kernel_arguments("quiet intel_iommu=on")
    assert "ro console=tty0 console=ttyS0,115200n8 crashkernel=512M quiet intel_iommu=on\n" in await bench.text(
        "/boot/grub/grub.cfg"
    )


async def test_update_grub_sources_the_fragments_after_the_settings(bench: Bench) -> None:
    fragment = b'GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT hugepages=4"\n'
    bench.host.by_hand(WriteFile("/etc/default/grub.d/50-huge.cfg", fragment))
    bench.hand("update-grub")
    assert "quiet intel_iommu=off hugepages=4\n" in await bench.text("/boot/grub/grub.cfg")


async def test_update_grub_refuses_settings_that_a_shell_could_not_read_and_keeps_the_menu(bench: Bench) -> None:
    before = await bench.text("/boot/grub/grub.cfg")
    bench.host.by_hand(WriteFile("/etc/default/grub", b'GRUB_CMDLINE_LINUX_DEFAULT="quiet\n'))
    refused = bench.hand("update-grub")
    assert refused.status == 2
    assert "Unterminated quoted string" in refused.error_text()
    assert await bench.text("/boot/grub/grub.cfg") == before


async def test_nvidia_smi_answers_a_query_as_csv(bench: Bench) -> None:
    fields = "--query-gpu=index,name,pci.bus_id,driver_version,memory.total"
    text = (await bench.ask("nvidia-smi", fields, "--format=csv,noheader")).text()
    assert text == (
        "0, NVIDIA A100 80GB PCIe, 00000000:17:00.0, 525.105.14, 81920 MiB\n"
        "1, NVIDIA A100 80GB PCIe, 00000000:65:00.0, 525.105.14, 81920 MiB\n"
    )
    text = (await bench.ask("nvidia-smi", "--query-gpu=memory.total", "--format=csv,nounits")).text()
    assert text == "memory.total [MiB]\n81920\n81920\n"


async def test_nvidia_smi_refuses_a_field_it_does_not_know(bench: Bench) -> None:
    assert (await bench.ask("nvidia-smi", "--query-gpu=colour", "--format=csv")).status == 2


async def test_lspci_shows_virtual_functions_when_they_are_there(bench: Bench) -> None:
    before = (await bench.ask("lspci", "-nn", "-d", "10de:")).text()
    assert (
        before.splitlines()[0] == "17:00.0 3D controller [0302]: NVIDIA Corporation GA100 [A100 PCIe 80GB] [10de:20b5]"
    )
    bench.hand(SRIOV_MANAGE, "-e", GPU)
    assert len((await bench.ask("lspci", "-nn", "-D", "-d", "10de:20b5")).text().splitlines()) == 18


async def test_units_are_enabled_and_disabled_by_links(bench: Bench) -> None:
    unit = b"[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"
    bench.host.by_hand(WriteFile("/etc/systemd/system/vfs.service", unit))
    link = "/etc/systemd/system/multi-user.target.wants/vfs.service"
    assert bench.hand("systemctl", "is-enabled", "vfs.service").status == 1
    assert bench.hand("systemctl", "enable", "vfs.service").status == 0
    assert await bench.links(link) == {link: "/etc/systemd/system/vfs.service"}
    assert bench.hand("systemctl", "is-enabled", "vfs.service").status == 0
    assert bench.hand("systemctl", "disable", "vfs.service").status == 0
    assert await bench.links(link) == {}
    assert bench.hand("systemctl", "enable", "nothing.service").status == 1


async def test_the_system_says_that_it_is_going_down(bench: Bench) -> None:
    assert bench.hand("systemctl", "is-system-running").text() == "running\n"
    bench.hand("systemctl", "reboot")
    assert bench.hand("systemctl", "is-system-running").text() == "stopping\n"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("no-such-tool", FailureKind.ABSENT),
        ("/opt/tool", FailureKind.ABSENT),
        ("/etc/default/grub", FailureKind.REFUSED),
        ("/etc", FailureKind.REFUSED),
    ],
)
async def test_what_cannot_be_started_is_a_failure_and_no_exit(bench: Bench, name: str, kind: FailureKind) -> None:
    (reply,) = await bench.read(Inspect((name,)))
    assert isinstance(reply, Failure)
    assert reply.kind is kind


async def test_a_command_is_found_through_links_to_its_folder(bench: Bench) -> None:
    assert (await bench.ask("/sbin/update-grub")).status == 0
    assert (await bench.ask("/bin/true")).status == 0


async def test_a_command_that_outlasts_its_deadline_does_nothing(bench: Bench) -> None:
    outcome = await bench.write(Run((SRIOV_MANAGE, "-e", GPU), deadline=1))
    assert isinstance(outcome.reply, Failure)
    assert outcome.reply.kind is FailureKind.TIMED_OUT
    assert await bench.text(f"/sys/bus/pci/devices/{GPU}/sriov_numvfs") == "0"


async def test_a_command_can_fail_once_for_no_reason(bench: Bench) -> None:
    bench.host.strike(CommandFails("update-grub"))
    assert [bench.hand("update-grub").status for _ in range(2)] == [1, 0]


async def test_grep_names_each_line_with_its_file_below_folders_and_tells_what_is_not_there(bench: Bench) -> None:
    found = bench.hand("grep", "-rHE", "^GRUB_(DEFAULT|TIMEOUT)=", "/etc/default", "/nowhere")
    assert found.stdout == b"/etc/default/grub:GRUB_DEFAULT=0\n/etc/default/grub:GRUB_TIMEOUT=5\n"
    assert (found.status, found.stderr) == (2, b"grep: /nowhere: No such file or directory\n")
    assert bench.hand("grep", "-q", "quiet", "/etc/default/grub").stdout == b""
    assert bench.hand("grep", "-q", "noisy", "/etc/default/grub").status == 1


async def test_systemctl_shows_units_also_those_that_there_are_not(bench: Bench) -> None:
    found = bench.hand(
        "systemctl", "show", "--property=Id,LoadState,ActiveState,UnitFileState", "node-exporter.service", "no.service"
    )
    assert found.text() == (
        "Id=node-exporter.service\nLoadState=loaded\nActiveState=inactive\nUnitFileState=enabled\n\n"
        "Id=no.service\nLoadState=not-found\nActiveState=inactive\nUnitFileState=\n"
    )
