"""/sys and /dev as the kernel would show them: PCI functions, drivers, IOMMU groups, mediated devices, VFIO groups.

Link texts are relative to where the link really stands, as the kernel writes them.

Boundary: a pure function of hardware and device state. Writing an attribute is `attributes`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from gpucarve.twin import modules, vgpus
from gpucarve.twin.functions import Function, present
from gpucarve.twin.machine import Devices, Hardware, Mdev, PciDevice
from gpucarve.twin.nodes import Directory, File, Layer, Link, Node, Special, layer

Nodes = dict[str, Node]

_DEVICES = "/sys/devices"
_FIXED: Nodes = {
    "/sys/kernel/iommu_groups": Directory(),
    "/sys/bus/pci/devices": Directory(),
    "/sys/bus/pci/drivers_probe": File(b"", 0o200),
    "/sys/bus/mdev/devices": Directory(),
    "/sys/class/mdev_bus": Directory(),
    "/dev/null": Special(0o666),
    "/dev/kvm": Special(0o660),
    "/dev/vfio/vfio": Special(0o666),
}


@lru_cache(maxsize=16)
def sysfs(hardware: Hardware, devices: Devices) -> Layer:
    """Everything below /sys and /dev."""
    nodes: Nodes = dict(_FIXED)
    if hardware.vtd:
        table = "DMAR" if hardware.cpu_vendor == "GenuineIntel" else "IVRS"
        nodes[f"/sys/firmware/acpi/tables/{table}"] = File(table.encode(), 0o400)
    if hardware.selinux:
        nodes["/sys/fs/selinux/enforce"] = File(b"1" if hardware.selinux == "enforcing" else b"0", 0o644)
    functions = present(hardware, devices)
    for module in devices.modules:
        nodes[f"/sys/module/{module}/initstate"] = _shown("live")
    for driver in _registered(hardware, devices):
        for name in ("bind", "unbind", "new_id", "remove_id"):
            nodes[f"/sys/bus/pci/drivers/{driver}/{name}"] = File(b"", 0o200)
    for function in functions.values():
        _add_function(nodes, hardware, devices, function)
    for parent in vgpus.parents(hardware, devices).values():
        _add_types(nodes, hardware, devices, parent)
    for mdev in devices.mdevs:
        if mdev.parent in functions:
            _add_mdev(nodes, hardware, devices, mdev, functions[mdev.parent])
    for number, home in enumerate(_for_vfio(devices, functions)):
        _add_link(nodes, f"/sys/class/vfio-dev/vfio{number}", "device", home)
    return layer(nodes)


def _for_vfio(devices: Devices, functions: Mapping[str, Function]) -> list[str]:
    """Where the devices are that a guest may be given, by the number of their group."""
    homes = {
        address: f"{_DEVICES}/{function.path}"
        for address, function in functions.items()
        if devices.drivers.get(address) == modules.VFIO
    }
    virtual = (mdev for mdev in devices.mdevs if mdev.parent in functions)
    homes |= {mdev.uuid: f"{_DEVICES}/{functions[mdev.parent].path}/{mdev.uuid}" for mdev in virtual}
    return [homes[member] for member in sorted(homes, key=lambda member: devices.groups.get(member, -1))]


def _registered(hardware: Hardware, devices: Devices) -> set[str]:
    """The drivers of the PCI bus that are loaded, whether or not they have a function."""
    loaded = {each.driver for each in hardware.devices if modules.module_of(each.driver) in devices.modules}
    vfio = {modules.VFIO} if "vfio_pci" in devices.modules else set()
    return loaded | vfio | set(devices.drivers.values())


def _shown(text: str | int) -> File:
    return File(f"{text}\n".encode(), 0o444)


def _set(text: str | int) -> File:
    return File(f"{text}\n".encode(), 0o644)


def _up(place: str, target: str) -> Link:
    """The link text that leads from directory `place` to `target`, both absolute."""
    here, there = place.split("/")[1:], target.split("/")[1:]
    while here and there and here[0] == there[0]:
        here, there = here[1:], there[1:]
    return Link("/".join([".."] * len(here) + there))


def _add_link(nodes: Nodes, directory: str, name: str, target: str) -> None:
    nodes[f"{directory}/{name}"] = _up(directory, target)


def _add_function(nodes: Nodes, hardware: Hardware, devices: Devices, function: Function) -> None:
    device, home = function.device, f"{_DEVICES}/{function.path}"
    driver = devices.drivers.get(function.address, "")
    nodes |= {
        f"{home}/uevent": _set(_uevent(function, driver)),
        f"{home}/modalias": _shown(_modalias(device)),
        f"{home}/vendor": _shown(f"0x{device.vendor}"),
        f"{home}/device": _shown(f"0x{device.device}"),
        f"{home}/class": _shown(f"0x{device.pci_class}"),
        f"{home}/subsystem_vendor": _shown(f"0x{device.subsystem_vendor}"),
        f"{home}/subsystem_device": _shown(f"0x{device.subsystem_device}"),
        f"{home}/numa_node": _set(device.numa_node),
        f"{home}/driver_override": _set(devices.overrides.get(function.address, "(null)")),
    }
    if device.pci_class.startswith("0300"):
        nodes[f"{home}/boot_vga"] = _shown(int(device.boot_vga))
    _add_link(nodes, home, "subsystem", "/sys/bus/pci")
    _add_link(nodes, "/sys/bus/pci/devices", function.address, home)
    if driver:
        bus = f"/sys/bus/pci/drivers/{driver}"
        _add_link(nodes, home, "driver", bus)
        _add_link(nodes, bus, function.address, home)
    _add_group(nodes, devices, function.address, home)
    if function.index is not None:
        nodes[f"{home}/physfn"] = Link(f"../{device.address}")
        nodes[f"{_DEVICES}/{device.path}/virtfn{function.index}"] = Link(f"../{function.address}")
    elif device.total_vfs:
        nodes |= {
            f"{home}/sriov_totalvfs": _shown(device.total_vfs),
            f"{home}/sriov_numvfs": _set(devices.vfs.get(device.address, 0)),
            f"{home}/sriov_offset": _shown(device.vf_offset),
            f"{home}/sriov_stride": _shown(device.vf_stride),
            f"{home}/sriov_vf_device": _shown(device.device),
        }


def _uevent(function: Function, driver: str) -> str:
    device = function.device
    vendor, number = device.vendor.upper(), device.device.upper()
    sub_vendor, sub_device = device.subsystem_vendor.upper(), device.subsystem_device.upper()
    lines = [
        f"PCI_CLASS={device.pci_class.lstrip('0').upper()}",
        f"PCI_ID={vendor}:{number}",
        f"PCI_SUBSYS_ID={sub_vendor}:{sub_device}",
        f"PCI_SLOT_NAME={function.address}",
        f"MODALIAS={_modalias(device)}",
    ]
    return "\n".join([f"DRIVER={driver}", *lines] if driver else lines)


def _modalias(device: PciDevice) -> str:
    """What a module's table of ids is compared with."""
    vendor, number = device.vendor.upper(), device.device.upper()
    sub_vendor, sub_device = device.subsystem_vendor.upper(), device.subsystem_device.upper()
    base, sub, interface = (device.pci_class[place : place + 2].upper() for place in (0, 2, 4))
    return f"pci:v0000{vendor}d0000{number}sv0000{sub_vendor}sd0000{sub_device}bc{base}sc{sub}i{interface}"


def _add_group(nodes: Nodes, devices: Devices, member: str, home: str) -> None:
    number = devices.groups.get(member)
    if number is None:
        return
    group = f"/sys/kernel/iommu_groups/{number}"
    virtual = any(mdev.uuid == member for mdev in devices.mdevs)
    nodes[f"{group}/type"] = _set("unknown" if virtual else devices.domain)
    _add_link(nodes, f"{group}/devices", member, home)
    _add_link(nodes, home, "iommu_group", group)
    if virtual or devices.drivers.get(member) == "vfio-pci":
        nodes[f"/dev/vfio/{number}"] = Special(0o600)


def _add_types(nodes: Nodes, hardware: Hardware, devices: Devices, parent: Function) -> None:
    home = f"{_DEVICES}/{parent.path}"
    _add_link(nodes, "/sys/class/mdev_bus", parent.address, home)
    for offered in vgpus.types_of(hardware, parent):
        folder = f"{home}/mdev_supported_types/{offered.id}"
        nodes |= {
            f"{folder}/name": _shown(offered.name),
            f"{folder}/description": _shown(vgpus.description(offered)),
            f"{folder}/available_instances": _shown(vgpus.available(hardware, devices, parent, offered)),
            f"{folder}/device_api": _shown("vfio-pci"),
            f"{folder}/create": File(b"", 0o200),
            f"{folder}/devices": Directory(),
        }


def _add_mdev(nodes: Nodes, hardware: Hardware, devices: Devices, mdev: Mdev, parent: Function) -> None:
    if mdev.leaving:
        nodes[f"/dev/vfio/{devices.groups[mdev.uuid]}"] = Special(0o600)
        return
    above = f"{_DEVICES}/{parent.path}"
    home, folder = f"{above}/{mdev.uuid}", f"{above}/mdev_supported_types/{mdev.type_id}"
    nodes[f"{home}/remove"] = File(b"", 0o200)
    nodes[f"{home}/uevent"] = _set("DRIVER=nvidia-vgpu-vfio")
    nodes[f"{home}/mdev_type"] = Link(f"../mdev_supported_types/{mdev.type_id}")
    _add_link(nodes, home, "subsystem", "/sys/bus/mdev")
    _add_link(nodes, home, "driver", "/sys/bus/mdev/drivers/nvidia-vgpu-vfio")
    _add_link(nodes, f"{folder}/devices", mdev.uuid, home)
    _add_link(nodes, "/sys/bus/mdev/devices", mdev.uuid, home)
    _add_link(nodes, "/sys/bus/mdev/drivers/nvidia-vgpu-vfio", mdev.uuid, home)
    _add_group(nodes, devices, mdev.uuid, home)
