"""Binding and unbinding functions through sysfs, as the kernel does it.

A driver lets go of a function only when nobody has it open: vfio-pci and NVIDIA's wait for that, and with them the
write. Sources: Linux Documentation/ABI/testing/sysfs-bus-pci, Documentation/driver-api/vfio.rst;
NVIDIA/open-gpu-kernel-modules, nv-procfs.c (unbindLock).

Boundary: one write each, on the state of the devices; KernelError for what the kernel refuses.
"""

from __future__ import annotations

import errno
from dataclasses import replace

from gpucarve.model.pci import PciAddress
from gpucarve.twin import modules, sriov, udev_rules
from gpucarve.twin.errors import KernelError
from gpucarve.twin.functions import present
from gpucarve.twin.machine import Machine

_NVIDIA = "nvidia"
_ACTIONS = ("add", "remove", "change", "move", "online", "offline", "bind", "unbind")


def override(machine: Machine, address: str, driver: str) -> Machine:
    """Writing `driver_override`; nothing, or a line end alone, takes it away. A driver that is bound stays so."""
    devices = machine.up.devices
    others = {known: name for known, name in devices.overrides.items() if known != address}
    return machine.with_devices(replace(devices, overrides={**others, address: driver} if driver else others))


def unbind(machine: Machine, driver: str, text: str) -> Machine:
    """Writing an address to a driver's `unbind`. ENODEV when it does not have that function."""
    address = _address(text)
    devices = machine.up.devices
    if devices.drivers.get(address) != driver:
        raise KernelError(errno.ENODEV, f"/sys/bus/pci/drivers/{driver}/unbind")
    if held(machine, address):
        raise KernelError(errno.ETIME, f"/sys/bus/pci/drivers/{driver}/unbind")
    device = machine.hardware.device(address)
    if driver == _NVIDIA and device is not None and device.total_vfs:
        machine = sriov.disable(sriov.release(machine, device), device)
        devices = machine.up.devices
    left = {known: name for known, name in devices.drivers.items() if known != address}
    locks = tuple(each for each in devices.unbind_locks if each != address)
    return machine.with_devices(replace(devices, drivers=left, unbind_locks=locks))


def lock(machine: Machine, address: str, text: str) -> Machine:
    """Writing a GPU's `unbindLock`: 1 is granted while nobody has the GPU open, 0 gives the lock back."""
    locks = tuple(each for each in machine.up.devices.unbind_locks if each != address)
    if text.strip() == "1" and not held(machine, address):
        locks = (*locks, address)
    elif text.strip() != "0":
        return machine
    return machine.with_devices(replace(machine.up.devices, unbind_locks=locks))


def bind(machine: Machine, driver: str, text: str) -> Machine:
    """Writing an address to a driver's `bind`. ENODEV when the driver does not match, EBUSY when another has it."""
    address, path = _address(text), f"/sys/bus/pci/drivers/{driver}/bind"
    if address not in present(machine.hardware, machine.up.devices) or modules.may_bind(machine, address) != driver:
        raise KernelError(errno.ENODEV, path)
    if address in machine.up.devices.drivers:
        raise KernelError(errno.EBUSY, path)
    bound = modules.attach(machine, address)
    if bound is machine:
        raise KernelError(errno.EINVAL, path)
    return bound


def probe(machine: Machine, text: str) -> Machine:
    """Writing an address to `drivers_probe`: it succeeds whether or not a driver takes the function."""
    address = _address(text)
    if address not in present(machine.hardware, machine.up.devices):
        raise KernelError(errno.ENODEV, "/sys/bus/pci/drivers_probe")
    return modules.attach(machine, address)


def announce(machine: Machine, address: str, text: str) -> Machine:
    """Writing to `uevent`: with `add`, udev does with the function what it did when it appeared."""
    action = next(iter(text.split()), "")
    if action not in _ACTIONS:
        raise KernelError(errno.EINVAL, f"/sys/bus/pci/devices/{address}/uevent")
    return udev_rules.of_disk(machine).added(machine, address) if action == "add" else machine


def held(machine: Machine, text: str) -> bool:
    """Whether somebody has the function open, so that its driver would not let go of it."""
    address = text.strip()
    devices = machine.up.devices
    driver = devices.drivers.get(address)
    held = {path for process in machine.up.processes.entries for path in process.open}
    if driver == modules.VFIO:
        return f"/dev/vfio/{devices.groups.get(address)}" in held
    if driver == _NVIDIA:
        bound = [each.address for each in machine.hardware.devices if each.product]
        gpus = [each for each in bound if devices.drivers.get(each) == _NVIDIA]
        return address in gpus and f"/dev/nvidia{gpus.index(address)}" in held
    return False


def _address(text: str) -> str:
    try:
        return str(PciAddress.parse(text.strip()))
    except ValueError:
        raise KernelError(errno.ENODEV, text.strip()[:80]) from None
