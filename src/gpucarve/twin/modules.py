"""Kernel modules: which one brings a driver, which a configuration keeps out, and what loading one does.

Loading a module registers its driver, which then takes every function that nobody has and that may be its: by the id
where no override is set, else by the override alone. Sources: Linux drivers/base/dd.c and Documentation/PCI/pci.rst;
modprobe.d(5); Documentation/ABI/testing/sysfs-bus-pci (driver_override).

Boundary: pure functions of a machine and texts; the order of a boot is `booting`, files are read by who asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from gpucarve.twin.functions import present
from gpucarve.twin.machine import Hardware, Machine

VFIO = "vfio-pci"
_BUILT_IN = frozenset({"pcieport"})
_MODULES = {"xhci_hcd": "xhci_pci", "nvidia-gpu": "i2c_nvidia_gpu", "i801_smbus": "i2c_i801"}
_DRIVERS = {module: driver for driver, module in _MODULES.items()} | {"vfio_pci": VFIO}
_NEEDS = {"vfio_pci": ("vfio", "vfio_iommu_type1", "vfio_pci_core")}
_DOES_NOTHING = ("/bin/false", "/bin/true", "/usr/bin/false", "/usr/bin/true")


def module_of(driver: str) -> str:
    """The module that brings a driver; empty for one that is built in."""
    return "" if driver in _BUILT_IN else _MODULES.get(driver, driver.replace("-", "_"))


def driver_of(module: str) -> str:
    """The driver that a module brings."""
    return _DRIVERS.get(module, module)


def installed(hardware: Hardware) -> frozenset[str]:
    """The modules there are for this machine."""
    found = {module_of(device.driver) for device in hardware.devices if device.driver}
    return frozenset(found - {""} | {"nouveau", "vfio_pci"})


def kept_out(texts: Iterable[str], cmdline: str) -> frozenset[str]:
    """The modules that files of modprobe.d and the kernel's command line keep from loading by themselves."""
    return frozenset(name.replace("-", "_") for name in (*_blacklisted(texts), *_on_command_line(cmdline)))


def forbidden(texts: Iterable[str]) -> frozenset[str]:
    """The modules that files of modprobe.d keep from loading even by name."""
    lines = (line.split() for text in texts for line in text.splitlines())
    return frozenset(
        words[1].replace("-", "_")
        for words in lines
        if len(words) > 2 and words[0] == "install" and words[2] in _DOES_NOTHING
    )


def _blacklisted(texts: Iterable[str]) -> Iterator[str]:
    texts = tuple(texts)
    for text in texts:
        for line in text.splitlines():
            words = line.split()
            if len(words) == 2 and words[0] == "blacklist":
                yield words[1]
    yield from forbidden(texts)


def _on_command_line(cmdline: str) -> Iterator[str]:
    for word in cmdline.split():
        option, _, value = word.partition("=")
        if option in ("modprobe.blacklist", "module_blacklist"):
            yield from value.split(",")


def load(machine: Machine, module: str) -> Machine:
    """The module is loaded with what it needs, and its driver has taken what it may."""
    devices = machine.up.devices
    if module in devices.modules:
        return machine
    loaded = tuple(sorted({*devices.modules, *_NEEDS.get(module, ()), module}))
    machine = machine.with_devices(replace(devices, modules=loaded))
    for address in present(machine.hardware, devices):
        machine = attach(machine, address)
    return machine


def attach(machine: Machine, address: str) -> Machine:
    """A function that nobody has goes to the driver that may take it, if that is registered."""
    devices = machine.up.devices
    if address in devices.drivers:
        return machine
    driver = may_bind(machine, address)
    if not driver or (module_of(driver) and module_of(driver) not in devices.modules):
        return machine
    if driver == VFIO and address not in devices.groups:
        return machine  # vfio-pci takes nothing without an IOMMU
    return machine.with_devices(replace(devices, drivers={**devices.drivers, address: driver}))


def may_bind(machine: Machine, address: str) -> str:
    """The driver that matches a function: its override, else the one that knows its id; virtual functions are their
    GPU's."""
    function = present(machine.hardware, machine.up.devices)[address]
    return machine.up.devices.overrides.get(address) or function.device.driver
