"""Which GPUs an nvidia-smi command means: those the driver holds, by its indexes, and the choice of `-i`.

Boundary: words to GPUs; what is done with them is the commands'.
"""

from __future__ import annotations

from gpucarve.model.pci import PciAddress
from gpucarve.twin.machine import Machine, PciDevice
from gpucarve.twin.vgpus import DRIVER


def held(machine: Machine) -> tuple[PciDevice, ...]:
    """The GPUs that the driver holds; the place of each is its index."""
    drivers = machine.up.devices.drivers
    found = (gpu for gpu in machine.hardware.devices if gpu.memory_mib and drivers.get(gpu.address) == DRIVER)
    return tuple(sorted(found, key=lambda gpu: gpu.address))


def chosen(machine: Machine, words: str | None) -> tuple[tuple[int, PciDevice], ...]:
    """Index and GPU of each that the words (indexes, bus ids or UUIDs, with commas) name; all of them for None."""
    gpus = tuple(enumerate(held(machine)))
    if words is None:
        return gpus
    return tuple((index, gpu) for index, gpu in gpus if any(_names(word, index, gpu) for word in words.split(",")))


def bus_id(gpu: PciDevice) -> str:
    """The address as the tool prints it."""
    address = PciAddress.parse(gpu.address)
    return f"{address.domain:08X}:{address.bus:02X}:{address.device:02X}.{address.function:X}"


def _names(word: str, index: int, gpu: PciDevice) -> bool:
    try:
        return str(PciAddress.parse(word)) == gpu.address
    except ValueError:
        return word in (str(index), gpu.uuid)
