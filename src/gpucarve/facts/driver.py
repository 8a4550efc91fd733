"""NVIDIA's host driver and the tools a change needs: present or not, and which version.

Boundary: what is installed and loaded; which versions go together is the catalog's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gpucarve.calls.primitives import KIB, ReadFiles, Stat
from gpucarve.calls.replies import PathStatuses, Reply
from gpucarve.facts.observed import Probe, expect, whole

SRIOV_MANAGE = "/usr/lib/nvidia/sriov-manage"
_MDEVCTL = ("/usr/sbin/mdevctl", "/usr/bin/mdevctl")
_UPDATE_GRUB = "/usr/sbin/update-grub"
_VERSION = "/proc/driver/nvidia/version"


@dataclass(frozen=True, slots=True)
class Driver:
    """`version` of the loaded driver (`525.105.14`), empty when none is loaded; whether each tool is there."""

    version: str
    sriov_manage: bool
    mdevctl: bool
    update_grub: bool


def _parse(replies: tuple[Reply, ...]) -> Driver:
    files = whole(replies[0])
    paths = expect(replies[1], PathStatuses).by_path()
    text = files[_VERSION].text() if _VERSION in files else ""
    version = re.search(r"\b(\d{3}\.\d+(?:\.\d+)?)\b", text)
    return Driver(
        version=version[1] if version else "",
        sriov_manage=SRIOV_MANAGE in paths,
        mdevctl=any(path in paths for path in _MDEVCTL),
        update_grub=_UPDATE_GRUB in paths,
    )


PROBE = Probe("driver", (ReadFiles((_VERSION,), limit=4 * KIB), Stat((SRIOV_MANAGE, *_MDEVCTL, _UPDATE_GRUB))), _parse)
