"""vGPUs as the host driver allows them: who offers types, how many are left, creating and removing.

Rules (NVIDIA vGPU user guide; kernel mdev core for the errors): types stand on virtual functions only, a VF carries
one vGPU. Time-sliced ones of a GPU have one framebuffer size, a maximum per GPU, and no MIG mode; each MIG-backed one
takes a GPU instance of its profile. A VF without an IOMMU group offers nothing: the driver needs the IOMMU for them.

Boundary: pure functions of hardware and device state.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Mapping, Set
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType

from gpucarve import catalog
from gpucarve.twin import gpus
from gpucarve.twin.errors import KernelError, StillHeldError
from gpucarve.twin.functions import Function, present, with_groups
from gpucarve.twin.machine import Devices, Hardware, Machine, Mdev, VgpuType

DRIVER = gpus.DRIVER
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\n?")


@lru_cache(maxsize=16)
def parents(hardware: Hardware, devices: Devices) -> Mapping[str, Function]:
    """The functions registered for mediated devices, by address."""
    registered = {
        address: function
        for address, function in present(hardware, devices).items()
        if function.index is not None
        and devices.drivers.get(address) == DRIVER
        and devices.drivers.get(function.device.address) == DRIVER
        and address in devices.groups
        and types_of(hardware, function)
    }
    return MappingProxyType(registered)


def types_of(hardware: Hardware, function: Function) -> tuple[VgpuType, ...]:
    """The types the driver knows for this GPU."""
    return hardware.driver.types.get(function.device.device, ())


def find_type(hardware: Hardware, function: Function, type_id: str) -> VgpuType | None:
    """The type with that id on this function."""
    return next((offered for offered in types_of(hardware, function) if offered.id == type_id), None)


def description(offered: VgpuType) -> str:
    """The one line the driver describes a type with."""
    return (
        f"num_heads={offered.heads}, frl_config=60, framebuffer={offered.framebuffer}M, "
        f"max_resolution={offered.resolution}, max_instance={offered.maximum}"
    )


def available(hardware: Hardware, devices: Devices, function: Function, offered: VgpuType) -> int:
    """What `available_instances` says: 1 or 0, since a VF carries one vGPU."""
    if any(mdev.parent == function.address for mdev in devices.mdevs):
        return 0
    if offered.mig_backed:
        return 0 if free_instance(hardware, devices, function, offered) is None else 1
    if function.device.address in devices.mig:
        return 0
    on_gpu = _on_gpu(hardware, devices, function)
    if any(other.framebuffer != offered.framebuffer for other in on_gpu):
        return 0
    return 1 if len(on_gpu) < offered.maximum else 0


def free_instance(hardware: Hardware, devices: Devices, function: Function, offered: VgpuType) -> int | None:
    """The id of a GPU instance that a vGPU of this MIG-backed type would take; None when none is left for it."""
    gpu = function.device.address
    functions = present(hardware, devices)
    taken = {mdev.instance for mdev in devices.mdevs if functions[mdev.parent].device.address == gpu}
    return next(
        (
            each.number
            for each in devices.instances
            if each.gpu == gpu and each.number not in taken and each.profile == _profile(offered.name)
        ),
        None,
    )


@lru_cache(maxsize=256)
def _profile(type_name: str) -> str:
    """The profile of the GPU instance that a type stands in; empty for a type the catalog does not know."""
    known = catalog.load().vgpu_type(type_name)
    return known.gi_profile or "" if known else ""


def _on_gpu(hardware: Hardware, devices: Devices, function: Function) -> list[VgpuType]:
    """The types of all vGPUs on the GPU that this function belongs to."""
    functions = present(hardware, devices)
    found = []
    for mdev in devices.mdevs:
        parent = functions.get(mdev.parent)
        if parent is not None and parent.device.address == function.device.address:
            known = find_type(hardware, parent, mdev.type_id)
            if known is not None:
                found.append(known)
    return found


def live_on(machine: Machine, gpu: str) -> tuple[Mdev, ...]:
    """The vGPUs on the GPU at this address."""
    devices = machine.up.devices
    functions = present(machine.hardware, devices)
    return tuple(mdev for mdev in devices.mdevs if functions[mdev.parent].device.address == gpu)


def in_use(machine: Machine, mdev: Mdev) -> bool:
    """Whether a process has the vGPU's VFIO group open."""
    group = f"/dev/vfio/{machine.up.devices.groups[mdev.uuid]}"
    return any(group in process.open for process in machine.up.processes.entries)


def create(machine: Machine, parent: str, type_id: str, text: str) -> Machine:
    """What writing `text` to the type's `create` does. EINVAL, EEXIST, ENOSPC or ENOENT."""
    devices = machine.up.devices
    path = f"/sys/class/mdev_bus/{parent}/mdev_supported_types/{type_id}/create"
    function = parents(machine.hardware, devices).get(parent)
    offered = find_type(machine.hardware, function, type_id) if function else None
    if function is None or offered is None:
        raise KernelError(errno.ENOENT, path)
    if not _UUID.fullmatch(text):
        raise KernelError(errno.EINVAL, path)
    uuid = text.strip().lower()
    if any(mdev.uuid == uuid for mdev in devices.mdevs):
        raise KernelError(errno.EEXIST, path)
    if not available(machine.hardware, devices, function, offered):
        raise KernelError(errno.ENOSPC, path)
    made = Mdev(uuid, parent, type_id, free_instance(machine.hardware, devices, function, offered))
    return machine.with_devices(
        replace(
            devices,
            mdevs=tuple(sorted((*devices.mdevs, made), key=lambda mdev: mdev.uuid)),
            groups=with_groups(devices.groups, (uuid,)),
        )
    )


def remove(machine: Machine, uuid: str) -> Machine:
    """What writing 1 to the vGPU's `remove` does. ENOENT without it.

    While a process has it open, VFIO waits for that with the write, and a signal does not end the wait; the vGPU is off
    its bus from the beginning (Linux drivers/vfio/vfio_main.c, vfio_unregister_group_dev). StillHeldError then.
    """
    path = f"/sys/bus/mdev/devices/{uuid}/remove"
    found = running(machine.up.devices, uuid)
    if found is None:
        raise KernelError(errno.ENOENT, path)
    if in_use(machine, found):
        left = tuple(replace(mdev, leaving=True) if mdev is found else mdev for mdev in machine.up.devices.mdevs)
        raise StillHeldError(path, machine.with_devices(replace(machine.up.devices, mdevs=left)))
    return _without(machine, {uuid})


def running(devices: Devices, uuid: str | None) -> Mdev | None:
    """The vGPU of that UUID on the bus."""
    return next((mdev for mdev in devices.mdevs if mdev.uuid == uuid and not mdev.leaving), None)


def let_go(machine: Machine) -> Machine:
    """The machine after somebody let go of something: without the vGPUs whose removal waited for that."""
    gone = {mdev.uuid for mdev in machine.up.devices.mdevs if mdev.leaving and not in_use(machine, mdev)}
    return _without(machine, gone) if gone else machine


def _without(machine: Machine, uuids: Set[str]) -> Machine:
    devices = machine.up.devices
    return machine.with_devices(
        replace(
            devices,
            mdevs=tuple(mdev for mdev in devices.mdevs if mdev.uuid not in uuids),
            groups={member: number for member, number in devices.groups.items() if member not in uuids},
        )
    )
