"""NVIDIA's host driver and the tools a change needs: present or not, and which version.

Boundary: what is installed and loaded; which versions go together is the catalog's.
Source: NVIDIA's open kernel modules name themselves so in /proc/driver/nvidia/version (NVIDIA/open-gpu-kernel-modules,
kernel-open/nvidia/nv-procfs.c; both forms of that line are in the tests).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gpucarve.calls.primitives import KIB, ReadFiles, Stat
from gpucarve.calls.replies import PathStatuses, Reply
from gpucarve.facts.observed import Probe, expect, whole

SRIOV_MANAGE = "/usr/lib/nvidia/sriov-manage"
_VERSION = "/proc/driver/nvidia/version"
_TOOLS = {
    "sriov_manage": (SRIOV_MANAGE,),
    "mdevctl": ("/usr/sbin/mdevctl", "/usr/bin/mdevctl"),
    "update_grub": ("/usr/sbin/update-grub",),
    "nvidia_smi": ("/usr/bin/nvidia-smi",),
    "grubby": ("/usr/sbin/grubby", "/sbin/grubby"),
    "update_initramfs": ("/usr/sbin/update-initramfs",),
    "dracut": ("/usr/bin/dracut", "/usr/sbin/dracut"),
    "systemctl": ("/usr/bin/systemctl", "/bin/systemctl"),
}


@dataclass(frozen=True, slots=True)
class Driver:
    """`version` of the loaded driver (`525.105.14`), empty when none is loaded, and its `flavour`: `open`,
    `proprietary`, or empty; whether each tool is there."""

    version: str
    sriov_manage: bool
    mdevctl: bool
    update_grub: bool
    flavour: str = ""
    nvidia_smi: bool = False
    grubby: bool = False
    update_initramfs: bool = False
    dracut: bool = False
    systemctl: bool = False


def _parse(replies: tuple[Reply, ...]) -> Driver:
    files = whole(replies[0])
    paths = expect(replies[1], PathStatuses).by_path()
    text = files[_VERSION].text() if _VERSION in files else ""
    version = re.search(r"\b(\d{3}\.\d+(?:\.\d+)?)\b", text)
    there = {tool: any(path in paths for path in places) for tool, places in _TOOLS.items()}
    return Driver(version=version[1] if version else "", flavour=_flavour(text) if version else "", **there)


def _flavour(text: str) -> str:
    return "open" if "Open Kernel Module" in text else "proprietary"


PROBE = Probe(
    "driver",
    (ReadFiles((_VERSION,), limit=4 * KIB), Stat(tuple(path for places in _TOOLS.values() for path in places))),
    _parse,
)
