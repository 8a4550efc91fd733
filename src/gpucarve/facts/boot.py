"""What runs: boot id, kernel, its command line, the CPU's vendor.

Boundary: /proc only; what the boot loader would start next is `facts.grub`.
"""

from __future__ import annotations

from dataclasses import dataclass

from gpucarve.calls.primitives import ReadFiles
from gpucarve.calls.replies import Files, Reply
from gpucarve.facts.observed import Probe, Unreadable, expect

BOOT_ID = "/proc/sys/kernel/random/boot_id"
_COMMAND_LINE = "/proc/cmdline"
_RELEASE = "/proc/sys/kernel/osrelease"
_CPU = "/proc/cpuinfo"


@dataclass(frozen=True, slots=True)
class Boot:
    """`boot_id` changes with every boot; `command_line` in order; `cpu_vendor` is `GenuineIntel` or `AuthenticAMD`."""

    boot_id: str
    kernel: str
    command_line: tuple[str, ...]
    cpu_vendor: str


def _parse(replies: tuple[Reply, ...]) -> Boot:
    files = expect(replies[0], Files).by_path()
    try:
        cpu = files[_CPU].text()
        return Boot(
            boot_id=files[BOOT_ID].text(),
            kernel=files[_RELEASE].text(),
            command_line=tuple(files[_COMMAND_LINE].text().split()),
            cpu_vendor=next(
                (line.partition(":")[2].strip() for line in cpu.splitlines() if line.startswith("vendor_id")), ""
            ),
        )
    except KeyError as missing:
        raise Unreadable(f"{missing.args[0]} cannot be read") from missing


PROBE = Probe("boot", (ReadFiles((BOOT_ID, _COMMAND_LINE, _RELEASE, _CPU), limit=4096),), _parse)
