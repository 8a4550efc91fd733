"""NVIDIA's functions on the PCI bus: identity, driver, IOMMU group, SR-IOV.

Boundary: what sysfs says; which GPU an id is belongs to the catalog.
Source: Linux Documentation/ABI/testing/sysfs-bus-pci (uevent, sriov_*, virtfn links).
"""

from __future__ import annotations

import posixpath
from collections import defaultdict
from dataclasses import dataclass

from gpucarve.calls.primitives import KIB, ReadFiles, ReadLinks
from gpucarve.calls.replies import Links, Reply
from gpucarve.facts.observed import Observed, Probe, Unreadable, expect, whole
from gpucarve.model.pci import PciAddress

DEVICES = "/sys/bus/pci/devices"
NVIDIA = "10de"
_DISPLAY_CLASSES = ("0300", "0302")


@dataclass(frozen=True, slots=True)
class Function:
    """One PCI function.

    Ids are four hexadecimal digits in lower case, `device_class` the first four of the class code; `driver` is empty
    when unbound; `iommu_group` None where there is no IOMMU; `virtual_functions` in the order of `virtfn0`, `virtfn1` …
    """

    address: PciAddress
    device: str
    subsystem: str
    device_class: str
    driver: str = ""
    iommu_group: int | None = None
    total_vfs: int = 0
    enabled_vfs: int = 0
    virtual_functions: tuple[PciAddress, ...] = ()
    physical_function: PciAddress | None = None

    @property
    def is_gpu(self) -> bool:
        """A display or 3D controller that is not a virtual function."""
        return self.device_class in _DISPLAY_CLASSES and self.physical_function is None


@dataclass(frozen=True, slots=True)
class Functions:
    """NVIDIA's functions, by address."""

    by_address: dict[PciAddress, Function]

    @property
    def gpus(self) -> tuple[Function, ...]:
        """The GPUs in address order."""
        return tuple(function for function in self.by_address.values() if function.is_gpu)


def at(observed: Observed, address: PciAddress) -> Function:
    """The function at an address. Raises Unreadable when there is none of NVIDIA's."""
    function = observed.require(PROBE).by_address.get(address)
    if function is None:
        raise Unreadable(f"there is no NVIDIA function at {address}")
    return function


def sysfs(address: PciAddress, name: str = "") -> str:
    """Path of a device or of one of its attributes."""
    return f"{DEVICES}/{address}/{name}" if name else f"{DEVICES}/{address}"


def _parse(replies: tuple[Reply, ...]) -> Functions:
    attributes: dict[str, dict[str, str]] = defaultdict(dict)
    for path, file in whole(replies[0]).items():
        attributes[posixpath.basename(posixpath.dirname(path))][posixpath.basename(path)] = file.text()
    links: dict[str, dict[str, str]] = defaultdict(dict)
    for path, target in expect(replies[1], Links).by_path().items():
        links[posixpath.basename(posixpath.dirname(path))][posixpath.basename(path)] = posixpath.basename(target)
    found = [
        _function(PciAddress.parse(name), texts, links[name])
        for name, texts in attributes.items()
        if f"PCI_ID={NVIDIA.upper()}:" in texts.get("uevent", "").upper()
    ]
    return Functions({function.address: function for function in sorted(found, key=lambda each: each.address)})


def _function(address: PciAddress, texts: dict[str, str], links: dict[str, str]) -> Function:
    uevent = dict(line.split("=", 1) for line in texts["uevent"].splitlines() if "=" in line)
    virtual = sorted(
        (int(name.removeprefix("virtfn")), PciAddress.parse(target))
        for name, target in links.items()
        if name.startswith("virtfn")
    )
    group = links.get("iommu_group")
    return Function(
        address=address,
        device=uevent["PCI_ID"].split(":")[1].lower(),
        subsystem=uevent.get("PCI_SUBSYS_ID", ":").split(":")[1].lower(),
        device_class=uevent.get("PCI_CLASS", "0").rjust(6, "0")[:4],
        driver=uevent.get("DRIVER", ""),
        iommu_group=int(group) if group else None,
        total_vfs=int(texts.get("sriov_totalvfs", "0")),
        enabled_vfs=int(texts.get("sriov_numvfs", "0")),
        virtual_functions=tuple(target for _, target in virtual),
        physical_function=PciAddress.parse(links["physfn"]) if "physfn" in links else None,
    )


PROBE = Probe(
    "pci",
    (
        ReadFiles(tuple(f"{DEVICES}/*/{name}" for name in ("uevent", "sriov_totalvfs", "sriov_numvfs")), limit=4 * KIB),
        ReadLinks(tuple(f"{DEVICES}/*/{name}" for name in ("iommu_group", "physfn", "virtfn*"))),
    ),
    _parse,
)
