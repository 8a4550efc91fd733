"""vGPUs without mediated devices: the type of each virtual function, and those it could have.

Where NVIDIA's driver brings its own VFIO driver (newer kernels), a vGPU is a number written to its virtual function.

Boundary: sysfs' `nvidia` folder of a virtual function. Source: NVIDIA/open-gpu-kernel-modules and the Linux patches for
its vGPU manager (`creatable_vgpu_types` is `%-5d : NAME` a line, below a header where the driver prints one;
`current_vgpu_type` is 0 for none); README of NVIDIA/vgpu-device-manager, which shows it without.
"""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from dataclasses import dataclass, field

from gpucarve.calls.primitives import KIB, ReadFiles
from gpucarve.calls.replies import Reply
from gpucarve.facts import pci
from gpucarve.facts.observed import Probe, Unreadable, whole
from gpucarve.model.pci import PciAddress
from gpucarve.model.vgpu import strip_prefix

_CURRENT, _CREATABLE = "current_vgpu_type", "creatable_vgpu_types"
_HEADER = re.compile(r"ID\s*:.*")
_TYPE = re.compile(r"(\d{1,9})\s*:\s*(\S.*\S)\s*")


@dataclass(frozen=True, slots=True)
class VfVgpu:
    """One virtual function: `current` is its type's number, 0 for none; `creatable` the numbers by short name."""

    current: int
    creatable: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VendorVfio:
    """The virtual functions that take a type; empty where vGPUs are mediated devices, or where there are none."""

    by_vf: dict[PciAddress, VfVgpu] = field(default_factory=dict)


def _parse(replies: tuple[Reply, ...]) -> VendorVfio:
    texts: dict[PciAddress, dict[str, str]] = defaultdict(dict)
    for path, file in whole(replies[0]).items():
        address = PciAddress.parse(path.removeprefix(f"{pci.DEVICES}/").partition("/")[0])
        texts[address][posixpath.basename(path)] = file.text()
    return VendorVfio(
        {
            address: VfVgpu(int(each[_CURRENT]), _types(address, each.get(_CREATABLE, "")))
            for address, each in sorted(texts.items())
            if _CURRENT in each
        }
    )


def _types(address: PciAddress, text: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for line in text.splitlines():
        if _HEADER.fullmatch(line):
            continue
        match = _TYPE.fullmatch(line)
        if match is None:
            raise Unreadable(f"{pci.sysfs(address, f'nvidia/{_CREATABLE}')} has a line that is no type: {line[:80]!r}")
        found[strip_prefix(match[2])] = int(match[1])
    return found


PROBE = Probe(
    "vendor vfio",
    (ReadFiles(tuple(f"{pci.DEVICES}/*/nvidia/{name}" for name in (_CURRENT, _CREATABLE)), limit=16 * KIB),),
    _parse,
)
