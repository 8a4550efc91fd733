"""What runs on a machine, and which of NVIDIA's tools it has."""

from __future__ import annotations

from dataclasses import fields

import pytest

from gpucarve.calls.replies import Failure, FailureKind
from gpucarve.facts import boot, driver
from gpucarve.facts.observed import observe
from tests.facts.answers import BOOT, TARGET, Content, gathered, known, why

REFUSED = Failure(FailureKind.REFUSED, "Permission denied")


def test_a_boot_is_read_with_its_arguments_in_order() -> None:
    assert known(boot.PROBE, BOOT) == boot.Boot(
        "7a0c", "6.1.0-18-amd64", ("BOOT_IMAGE=/boot/vmlinuz", "ro", "quiet"), "GenuineIntel"
    )


def test_a_processor_without_a_vendor_line_has_none() -> None:
    assert known(boot.PROBE, BOOT | {"/proc/cpuinfo": "processor\t: 0\nCPU implementer\t: 0x41\n"}).cpu_vendor == ""


@pytest.mark.parametrize(
    ("table", "name"),
    [
        ("/sys/firmware/acpi/tables/DMAR", "DMAR"),
        ("/sys/firmware/acpi/tables/IVRS", "IVRS"),
        ("/sys/firmware/acpi/tables/APIC", ""),
    ],
)
def test_the_iommu_s_table_is_named_and_none_where_firmware_offers_none(table: str, name: str) -> None:
    assert known(boot.PROBE, BOOT, folders=(table,)).iommu_table == name


@pytest.mark.parametrize(
    ("flags", "able"), [("fpu vmx nx", True), ("fpu svm nx", True), ("fpu nx svme", False), ("", False)]
)
def test_a_processor_can_virtualize_where_its_flags_say_so(flags: str, able: bool) -> None:
    text = f"processor\t: 0\nvendor_id\t: GenuineIntel\nflags\t\t: {flags}\n\nprocessor\t: 1\nflags\t\t: fpu nx v"
    assert known(boot.PROBE, BOOT | {"/proc/cpuinfo": text}).virtualization is able


@pytest.mark.parametrize("path", sorted(BOOT))
@pytest.mark.parametrize("content", ["absent", REFUSED], ids=["absent", "refused"])
def test_a_boot_of_which_a_part_cannot_be_read_is_unknown_and_the_part_is_named(path: str, content: Content) -> None:
    files = {each: text for each, text in BOOT.items() if each != path}
    assert path in why(boot.PROBE, files if content == "absent" else files | {path: content})


@pytest.mark.parametrize(
    ("text", "version", "flavour"),
    [
        (
            "NVRM version: NVIDIA UNIX x86_64 Kernel Module  525.105.14  Fri Mar 17\nGCC version: 12.2.0\n",
            "525.105.14",
            "proprietary",
        ),
        ("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86  Release\n", "570.86", "open"),
        ("nothing that looks like one", "", ""),
        (None, "", ""),
    ],
)
def test_the_driver_s_version_and_flavour_are_the_module_s_or_none(
    text: str | None, version: str, flavour: str
) -> None:
    files: dict[str, Content] = {} if text is None else {"/proc/driver/nvidia/version": text}
    found = known(driver.PROBE, files)
    assert (found.version, found.flavour) == (version, flavour)


def test_a_driver_whose_version_is_there_and_cannot_be_read_is_unknown() -> None:
    assert "Permission denied" in why(driver.PROBE, {"/proc/driver/nvidia/version": REFUSED})


@pytest.mark.parametrize(
    ("path", "tool"),
    [
        (driver.SRIOV_MANAGE, "sriov_manage"),
        ("/usr/sbin/mdevctl", "mdevctl"),
        ("/usr/bin/mdevctl", "mdevctl"),
        ("/usr/sbin/update-grub", "update_grub"),
        ("/usr/bin/nvidia-smi", "nvidia_smi"),
        ("/usr/sbin/grubby", "grubby"),
        ("/usr/sbin/update-initramfs", "update_initramfs"),
        ("/usr/bin/dracut", "dracut"),
        ("/bin/systemctl", "systemctl"),
        ("/usr/sbin/other", ""),
    ],
)
def test_a_tool_is_there_where_its_path_is_and_no_other(path: str, tool: str) -> None:
    found = known(driver.PROBE, folders=(path,))
    assert [each.name for each in fields(found) if getattr(found, each.name) is True] == ([tool] if tool else [])


def test_a_reply_that_failed_makes_its_fact_unknown_and_no_other() -> None:
    failed = Failure(FailureKind.TIMED_OUT, "too late")
    rest = len(boot.PROBE.reads) + len(driver.PROBE.reads) - 1
    replies = [failed, *(Failure(FailureKind.ABSENT) for _ in range(rest))]
    found = observe(TARGET, (boot.PROBE, driver.PROBE), replies)
    assert "too late" in str(found.get(boot.PROBE))
    assert "too late" not in str(found.get(driver.PROBE))


def test_a_fact_that_was_not_asked_for_is_unknown() -> None:
    assert "was not gathered" in str(observe(TARGET, (), ()).get(boot.PROBE))
    assert gathered(boot.PROBE, BOOT) is not None
