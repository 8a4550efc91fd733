"""The functions on the PCI bus: identity, driver, IOMMU group, SR-IOV; NVIDIA's apart.

Others' functions matter where they share an IOMMU group with a GPU.

Boundary: what sysfs says; which GPU an id is belongs to the catalog.
Source: Linux Documentation/ABI/testing/sysfs-bus-pci (uevent, driver_override, numa_node, boot_vga, sriov_*, virtfn
links); drivers/pci/pci-sysfs.c, which prints `(null)` where no override is set and -1 where no node is known.
"""

from __future__ import annotations

import posixpath
from collections import defaultdict
from dataclasses import dataclass, field

from gpucarve.calls.primitives import KIB, ReadFiles, ReadLinks
from gpucarve.calls.replies import Links, Reply
from gpucarve.facts.observed import Observed, Probe, Unreadable, expect, whole
from gpucarve.model.pci import PciAddress

DEVICES = "/sys/bus/pci/devices"
NVIDIA = "10de"
_DISPLAY_CLASSES = ("0300", "0302")
_BRIDGE_CLASSES = ("0604", "0607", "0609")  # those with a bridge's header: PCI-to-PCI, CardBus, semi-transparent
_NO_OVERRIDE = ("", "(null)")


@dataclass(frozen=True, slots=True)
class Function:
    """One PCI function.

    Ids are four hexadecimal digits in lower case, `device_class` the first four of the class code; `driver` is empty
    when unbound; `iommu_group` None where there is no IOMMU; `virtual_functions` in the order of `virtfn0`, `virtfn1`
    …; `override` the only driver that may bind it, empty when any may; `numa_node` None where the firmware names none;
    `boot_vga` whether the firmware shows its boot messages there.
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
    vendor: str = NVIDIA
    override: str = ""
    numa_node: int | None = None
    boot_vga: bool = False

    @property
    def is_gpu(self) -> bool:
        """A display or 3D controller of NVIDIA's that is not a virtual function."""
        return self.vendor == NVIDIA and self.device_class in _DISPLAY_CLASSES and self.physical_function is None

    @property
    def is_bridge(self) -> bool:
        """A bridge to another bus: it never goes to a guest with the rest of its IOMMU group."""
        return self.device_class in _BRIDGE_CLASSES


@dataclass(frozen=True, slots=True)
class Functions:
    """All functions (`every`) and NVIDIA's (`by_address`), by address and in its order."""

    every: dict[PciAddress, Function]
    by_address: dict[PciAddress, Function] = field(init=False)

    def __post_init__(self) -> None:
        ours = {address: each for address, each in self.every.items() if each.vendor == NVIDIA}
        object.__setattr__(self, "by_address", ours)

    @property
    def gpus(self) -> tuple[Function, ...]:
        """The GPUs in address order."""
        return tuple(function for function in self.by_address.values() if function.is_gpu)

    def members(self, group: int) -> tuple[Function, ...]:
        """Every function of an IOMMU group, whoever made it, in address order."""
        return tuple(function for function in self.every.values() if function.iommu_group == group)


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
        if "PCI_ID=" in texts.get("uevent", "")  # a function that was unplugged while we looked has none left
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
    vendor, _, device = uevent["PCI_ID"].lower().partition(":")
    override, node = texts.get("driver_override", ""), int(texts.get("numa_node", "-1"))
    return Function(
        address=address,
        device=device,
        subsystem=uevent.get("PCI_SUBSYS_ID", ":").split(":")[1].lower(),
        device_class=uevent.get("PCI_CLASS", "0").lower().rjust(6, "0")[:4],
        driver=uevent.get("DRIVER", ""),
        iommu_group=int(group) if group else None,
        total_vfs=int(texts.get("sriov_totalvfs", "0")),
        enabled_vfs=int(texts.get("sriov_numvfs", "0")),
        virtual_functions=tuple(target for _, target in virtual),
        physical_function=PciAddress.parse(links["physfn"]) if "physfn" in links else None,
        vendor=vendor,
        override="" if override in _NO_OVERRIDE else override,
        numa_node=node if node >= 0 else None,
        boot_vga=texts.get("boot_vga", "0") == "1",
    )


_ATTRIBUTES = ("uevent", "sriov_totalvfs", "sriov_numvfs", "driver_override", "numa_node", "boot_vga")

PROBE = Probe(
    "pci",
    (
        ReadFiles(tuple(f"{DEVICES}/*/{name}" for name in _ATTRIBUTES), limit=4 * KIB),
        ReadLinks(tuple(f"{DEVICES}/*/{name}" for name in ("iommu_group", "physfn", "virtfn*"))),
    ),
    _parse,
)
