"""Which GPUs an nvidia-smi command means: those the driver holds, by its indexes, and the choice of `-i`.

Boundary: words to GPUs; what is done with them is the commands'.
"""

from __future__ import annotations

from gpucarve.model.pci import PciAddress
from gpucarve.twin import gpus
from gpucarve.twin.machine import Machine, PciDevice


def chosen(machine: Machine, words: str | None) -> tuple[tuple[int, PciDevice], ...]:
    """Index and GPU of each that the words (indexes, bus ids or UUIDs, with commas) name; all of them for None."""
    every = tuple(enumerate(gpus.held(machine.hardware, machine.up.devices)))
    if words is None:
        return every
    return tuple((index, gpu) for index, gpu in every if any(_names(word, index, gpu) for word in words.split(",")))


def bus_id(gpu: PciDevice) -> str:
    """The address as the tool prints it."""
    address = PciAddress.parse(gpu.address)
    return f"{address.domain:08X}:{address.bus:02X}:{address.device:02X}.{address.function:X}"


def _names(word: str, index: int, gpu: PciDevice) -> bool:
    try:
        return str(PciAddress.parse(word)) == gpu.address
    except ValueError:
        return word in (str(index), gpu.uuid)
