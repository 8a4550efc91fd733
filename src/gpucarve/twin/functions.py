"""The PCI functions that are there now, physical and virtual, and the IOMMU groups they are given.

Boundary: pure functions of hardware and device state; what sysfs shows of them is `sysfs`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from gpucarve.model.pci import PciAddress
from gpucarve.twin.machine import Devices, Hardware, PciDevice


@dataclass(frozen=True, slots=True)
class Function:
    """One function: where it sits under /sys/devices, the physical device it belongs to, and its VF number if any."""

    address: str
    path: str
    device: PciDevice
    index: int | None = None


@lru_cache(maxsize=16)
def present(hardware: Hardware, devices: Devices) -> Mapping[str, Function]:
    """Every function by address, in order of address."""
    found: dict[str, Function] = {}
    for device in hardware.devices:
        found[device.address] = Function(device.address, device.path, device)
        for index in range(devices.vfs.get(device.address, 0)):
            address = vf_address(device, index)
            found[address] = Function(address, f"{device.path.rpartition('/')[0]}/{address}", device, index)
    return MappingProxyType(dict(sorted(found.items())))


def vf_address(device: PciDevice, index: int) -> str:
    """Routing id of the PF, plus offset, plus index times stride (PCI Express SR-IOV extended capability)."""
    pf = PciAddress.parse(device.address)
    routing = (pf.bus << 8) + (pf.device << 3) + pf.function + device.vf_offset + index * device.vf_stride
    return str(PciAddress(pf.domain, routing >> 8, routing >> 3 & 0x1F, routing & 7))


def iommu_on(hardware: Hardware, cmdline: str) -> bool:
    """Whether the kernel uses the IOMMU: firmware offers it, and the last setting on the command line decides.

    AMD's is on wherever there is one, and knows `off` alone. Source: Linux admin-guide/kernel-parameters.
    """
    option, settings, on = {
        "GenuineIntel": ("intel_iommu", {"on": True, "off": False}, hardware.iommu_by_default),
        "AuthenticAMD": ("amd_iommu", {"off": False}, True),
    }[hardware.cpu_vendor]
    for word in cmdline.split():
        name, _, value = word.partition("=")
        if name == option:
            for setting in value.split(","):
                on = settings.get(setting, on)
    return on and hardware.vtd


def physical_groups(hardware: Hardware) -> dict[str, int]:
    """IOMMU groups of the physical functions, numbered in order of address.

    Functions of one slot share a group, as they do where none of them has Access Control Services, unless their
    `isolation` says otherwise. Source: Linux, drivers/iommu/iommu.c (pci_device_group).
    """
    numbers: dict[str, int] = {}
    groups: dict[str, int] = {}
    for device in sorted(hardware.devices, key=lambda device: device.address):
        unit = device.isolation or device.address.rpartition(".")[0]
        groups[device.address] = numbers.setdefault(unit, len(numbers))
    return groups


def with_groups(groups: Mapping[str, int], members: Iterable[str]) -> dict[str, int]:
    """`groups` with one new group per member, each the lowest number that is free."""
    grown = dict(groups)
    taken = set(grown.values())
    free = 0
    for member in members:
        while free in taken:
            free += 1
        grown[member] = free
        taken.add(free)
    return grown
