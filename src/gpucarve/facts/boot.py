"""What runs: boot id, kernel, its command line; what firmware and CPU offer for virtual machines.

Boundary: /proc, and the names of the ACPI tables; what the boot loader would start next is `facts.grub`.
Source: Linux Documentation/ABI/testing/sysfs-firmware-acpi and Documentation/arch/x86/iommu.rst (DMAR on Intel, IVRS on
AMD: the firmware lists its IOMMUs there and leaves the table out where they are switched off).
"""

from __future__ import annotations

from dataclasses import dataclass

from gpucarve.calls.primitives import ReadFiles, Stat
from gpucarve.calls.replies import Files, PathStatuses, Reply
from gpucarve.facts.observed import Probe, Unreadable, expect

BOOT_ID = "/proc/sys/kernel/random/boot_id"
_COMMAND_LINE = "/proc/cmdline"
_RELEASE = "/proc/sys/kernel/osrelease"
_CPU = "/proc/cpuinfo"
_TABLES = "/sys/firmware/acpi/tables"
_IOMMU_TABLES = ("DMAR", "IVRS")
_VIRTUALIZATION = {"vmx", "svm"}


@dataclass(frozen=True, slots=True)
class Boot:
    """`boot_id` changes with every boot; `command_line` in order; `cpu_vendor` is `GenuineIntel` or `AuthenticAMD`.

    `iommu_table` is the ACPI table that lists the IOMMUs, `DMAR` or `IVRS`; empty where firmware offers none.
    `virtualization` is whether the CPU can run virtual machines (`vmx`, `svm`).
    """

    boot_id: str
    kernel: str
    command_line: tuple[str, ...]
    cpu_vendor: str
    iommu_table: str = ""
    virtualization: bool = False


def _parse(replies: tuple[Reply, ...]) -> Boot:
    files = expect(replies[0], Files).by_path()
    tables = expect(replies[1], PathStatuses).by_path()
    try:
        cpu = dict(reversed([_entry(line) for line in files[_CPU].text().splitlines()]))  # the first processor's
        return Boot(
            boot_id=files[BOOT_ID].text(),
            kernel=files[_RELEASE].text(),
            command_line=tuple(files[_COMMAND_LINE].text().split()),
            cpu_vendor=cpu.get("vendor_id", ""),
            iommu_table=next((name for name in _IOMMU_TABLES if f"{_TABLES}/{name}" in tables), ""),
            virtualization=not _VIRTUALIZATION.isdisjoint(cpu.get("flags", "").split()),
        )
    except KeyError as missing:
        raise Unreadable(f"{missing.args[0]} cannot be read") from missing


def _entry(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip(), value.strip()


PROBE = Probe(
    "boot",
    (
        ReadFiles((BOOT_ID, _COMMAND_LINE, _RELEASE, _CPU), limit=4096),
        Stat(tuple(f"{_TABLES}/{name}" for name in _IOMMU_TABLES)),
    ),
    _parse,
)
