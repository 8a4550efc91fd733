"""Virtual functions coming and going with the driver that takes them.

Boundary: pure functions of hardware and device state; the tool that asks for it is `commands.sriov_manage`.
"""

from __future__ import annotations

from dataclasses import replace

from gpucarve.twin.functions import vf_address, with_groups
from gpucarve.twin.machine import Hardware, Machine, PciDevice
from gpucarve.twin.vgpus import DRIVER


def enable(machine: Machine, device: PciDevice, count: int) -> Machine:
    """`count` VFs on this GPU, each bound to the vGPU driver in an IOMMU group of its own.

    Without an IOMMU there are no groups, and the driver takes no VF.
    """
    devices = disable(machine, device).up.devices
    addresses = [vf_address(device, index) for index in range(count)]
    grouped = device.address in devices.groups
    return machine.with_devices(
        replace(
            devices,
            vfs={**devices.vfs, device.address: count},
            drivers={**devices.drivers, **dict.fromkeys(addresses, DRIVER)} if grouped else devices.drivers,
            groups=with_groups(devices.groups, addresses) if grouped else devices.groups,
        )
    )


def disable(machine: Machine, device: PciDevice) -> Machine:
    """No VFs on this GPU, nothing of them left, and no GPU instance, since its own driver lets go meanwhile."""
    devices = machine.up.devices
    gone = {vf_address(device, index) for index in range(devices.vfs.get(device.address, 0))}
    return machine.with_devices(
        replace(
            devices,
            vfs={address: count for address, count in devices.vfs.items() if address != device.address},
            drivers={address: name for address, name in devices.drivers.items() if address not in gone},
            groups={member: number for member, number in devices.groups.items() if member not in gone},
            overrides={address: name for address, name in devices.overrides.items() if address not in gone},
            instances=tuple(each for each in devices.instances if each.gpu != device.address),
        )
    )


def release(machine: Machine, device: PciDevice) -> Machine:
    """The VFs of this GPU without their driver, and so without their vGPUs."""
    devices = machine.up.devices
    functions = {vf_address(device, index) for index in range(devices.vfs.get(device.address, 0))}
    gone = {mdev.uuid for mdev in devices.mdevs if mdev.parent in functions}
    return machine.with_devices(
        replace(
            devices,
            drivers={address: name for address, name in devices.drivers.items() if address not in functions},
            mdevs=tuple(mdev for mdev in devices.mdevs if mdev.uuid not in gone),
            groups={member: number for member, number in devices.groups.items() if member not in gone},
        )
    )


def gpus(hardware: Hardware) -> tuple[PciDevice, ...]:
    """The GPUs whose virtual functions the vendor's tool can switch."""
    return tuple(device for device in hardware.devices if device.vendor == "10de" and device.total_vfs)
