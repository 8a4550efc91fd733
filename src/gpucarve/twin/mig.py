"""MIG as the driver keeps it: modes, GPU instances at placements, compute instances in them, what wipes them.

Rules (NVIDIA MIG user guide): a GPU of compute capability 8.0 changes its mode by a reset, keeps it over a reboot and
leaves the change pending while something has the GPU open; newer ones change at once, refuse while something has the
GPU open, and boot without MIG. Instances stand at their profile's placements and share no slice; a GPU's compute
slices and an ending's number are limited. Enabled virtual functions count as a client of the GPU: with them drivers
refuse to change the mode (users' reports). What a profile is and where it may stand is the catalog's.

The driver's choices that nothing documents: ids are the lowest free ones among those for the instance's size, and
without a wish an instance takes the last placement that is free.

Boundary: pure functions of hardware and machine state; `nvidia-smi` says it in words.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from gpucarve import catalog
from gpucarve.catalog import mig_rules
from gpucarve.catalog.mig import MigProfile
from gpucarve.model.mig import Placement
from gpucarve.twin import gpus, vgpus
from gpucarve.twin.machine import ComputeInstance, Devices, GpuInstance, Machine, PciDevice

IN_USE, NO_ROOM, NOT_FOUND = "In use by another client", "Insufficient Resources", "Not Found"
INVALID, UNSUPPORTED = "Invalid Argument", "Not Supported"
_FIRST_ID = {8: 0, 4: 1, 2: 3, 1: 7}  # by share of a GPU with eight memory slices


class Refused(Exception):
    """Raised when the driver does not do it; its text is the driver's."""


@lru_cache(maxsize=32)
def profiles(device: str, subsystem: str) -> tuple[MigProfile, ...]:
    """The GPU instances that a GPU with these ids can have and nvidia-smi numbers; none without MIG."""
    gpu = catalog.load().gpu(device, subsystem)
    found = catalog.load().mig_profiles(gpu.id) if gpu else ()
    return tuple(each for each in found if each.profile_id is not None and each.placements)


def profiles_of(gpu: PciDevice) -> tuple[MigProfile, ...]:
    """The same for a GPU of a machine."""
    return profiles(gpu.device, gpu.subsystem_device)


@lru_cache(maxsize=32)
def takes_reset(device: str, subsystem: str) -> bool:
    """Whether the mode of such a GPU changes by a reset, and is kept by the board."""
    gpu = catalog.load().gpu(device, subsystem)
    change = mig_rules.mode_change(gpu) if gpu else None
    return change is not None and change.mode_change == "gpu-reset"


def is_on(devices: Devices, gpu: str) -> bool:
    """The mode in force."""
    return gpu in devices.mig


def pending(machine: Machine, gpu: PciDevice) -> bool:
    """The mode after the next reset."""
    kept = takes_reset(gpu.device, gpu.subsystem_device)
    return gpu.address in machine.mig_kept if kept else is_on(machine.up.devices, gpu.address)


def instances_on(devices: Devices, gpu: str) -> tuple[GpuInstance, ...]:
    """The GPU instances of a GPU, in order of their ids."""
    return tuple(sorted((each for each in devices.instances if each.gpu == gpu), key=lambda each: each.number))


def has_client(machine: Machine, gpu: PciDevice) -> bool:
    """Whether something has the GPU open: a process, a vGPU, its virtual functions."""
    devices = machine.up.devices
    node = gpus.node(machine.hardware, devices, gpu.address)
    opened = any(node in process.open for process in machine.up.processes.entries)
    return opened or bool(devices.vfs.get(gpu.address))


def set_mode(machine: Machine, gpu: PciDevice, enabled: bool) -> Machine:
    """The machine after `-mig 1` or `-mig 0`; the change may be left pending. Raises Refused."""
    if not profiles_of(gpu):
        raise Refused(UNSUPPORTED)
    busy = has_client(machine, gpu) or bool(not enabled and instances_on(machine.up.devices, gpu.address))
    kept = takes_reset(gpu.device, gpu.subsystem_device)
    if busy and not kept and is_on(machine.up.devices, gpu.address) is not enabled:
        raise Refused(IN_USE)
    if kept:
        others = tuple(each for each in machine.mig_kept if each != gpu.address)
        machine = replace(machine, mig_kept=(*others, gpu.address) if enabled else others)
    return machine if busy else _enter(machine, gpu, enabled)


def reset(machine: Machine, gpu: PciDevice) -> Machine:
    """The machine after a reset of the GPU: the pending mode is in force. Raises Refused."""
    if has_client(machine, gpu):
        raise Refused(IN_USE)
    machine = machine.with_devices(wiped(machine.up.devices, gpu.address))
    return _enter(machine, gpu, pending(machine, gpu))


def _enter(machine: Machine, gpu: PciDevice, enabled: bool) -> Machine:
    devices = machine.up.devices
    others = tuple(each for each in devices.mig if each != gpu.address)
    return machine.with_devices(replace(devices, mig=(*others, gpu.address) if enabled else others))


def wiped(devices: Devices, gpu: str) -> Devices:
    """The devices after the driver let go of the GPU: no instance is left."""
    return replace(devices, instances=tuple(each for each in devices.instances if each.gpu != gpu))


def at_boot(machine: Machine) -> tuple[str, ...]:
    """The GPUs that boot into MIG mode: those whose board remembers it, once the driver holds them."""
    held = {device.address for device in machine.hardware.devices if device.driver == gpus.DRIVER}
    return tuple(address for address in machine.mig_kept if address in held)


def free_placements(devices: Devices, gpu: PciDevice, profile: MigProfile) -> tuple[Placement, ...]:
    """Where one more of this profile may stand now."""
    standing = instances_on(devices, gpu.address)
    known = {str(each.name): each for each in profiles_of(gpu)}
    used = sum(known[each.profile].compute_slices or 0 for each in standing)
    total = max(each.compute_slices or 0 for each in known.values())
    if used + (profile.compute_slices or 0) > total:
        return ()
    ending = profile.name.attribute
    rule = mig_rules.attribute(ending)
    alike = sum(1 for each in standing if known[each.profile].name.attribute is ending)
    if rule is not None and rule.max_per_gpu is not None and alike >= rule.max_per_gpu:
        return ()
    places = [Placement(each.start, each.size) for each in standing]
    return tuple(each for each in profile.placements if not any(each.overlaps(place) for place in places))


def create(machine: Machine, gpu: PciDevice, profile: MigProfile, start: int | None) -> tuple[Machine, GpuInstance]:
    """One more GPU instance, at its wished first slice if there is one. Raises Refused."""
    devices = machine.up.devices
    if start is not None and all(place.start != start for place in profile.placements):
        raise Refused(INVALID)
    free = [place for place in free_placements(devices, gpu, profile) if start in (None, place.start)]
    if not free:
        raise Refused(NO_ROOM)
    place = free[-1]
    slices = max(each.end for each in profiles_of(gpu)[-1].placements)
    taken = {each.number for each in instances_on(devices, gpu.address)}
    first = _FIRST_ID.get(max(1, place.size * 8 // slices), 1)
    number = next(each for each in range(first, 64) if each not in taken)
    made = GpuInstance(gpu.address, number, str(profile.name), place.start, place.size)
    return machine.with_devices(replace(devices, instances=(*devices.instances, made))), made


def fill(machine: Machine, owner: GpuInstance, slices: int) -> tuple[Machine, ComputeInstance]:
    """One more compute instance of so many slices. Raises Refused."""
    total = next(
        each.compute_slices or 0 for each in _profiles_at(machine, owner.gpu) if str(each.name) == owner.profile
    )
    start = max((each.start + each.size for each in owner.compute), default=0)
    if slices > total:
        raise Refused(INVALID)
    if start + slices > total:
        raise Refused(NO_ROOM)
    made = ComputeInstance(len(owner.compute), start, slices)
    return _changed(machine, owner, (*owner.compute, made)), made


def empty(machine: Machine, owner: GpuInstance, number: int) -> Machine:
    """The machine without a compute instance. Raises Refused."""
    left = tuple(each for each in owner.compute if each.number != number)
    if len(left) == len(owner.compute):
        raise Refused(NOT_FOUND)
    if _carries_vgpu(machine, owner):
        raise Refused(IN_USE)
    return _changed(machine, owner, left)


def destroy(machine: Machine, owner: GpuInstance) -> Machine:
    """The machine without a GPU instance. Raises Refused while a compute instance or a vGPU stands in it."""
    if owner.compute or _carries_vgpu(machine, owner):
        raise Refused(IN_USE)
    devices = machine.up.devices
    return machine.with_devices(replace(devices, instances=tuple(each for each in devices.instances if each != owner)))


def _profiles_at(machine: Machine, gpu: str) -> tuple[MigProfile, ...]:
    device = machine.hardware.device(gpu)
    return profiles_of(device) if device else ()


def _changed(machine: Machine, owner: GpuInstance, compute: tuple[ComputeInstance, ...]) -> Machine:
    devices = machine.up.devices
    changed = replace(owner, compute=compute)
    return machine.with_devices(
        replace(devices, instances=tuple(changed if each == owner else each for each in devices.instances))
    )


def _carries_vgpu(machine: Machine, owner: GpuInstance) -> bool:
    return any(mdev.instance == owner.number for mdev in vgpus.live_on(machine, owner.gpu))
