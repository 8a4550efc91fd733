"""The GPUs that NVIDIA's driver holds on a simulated machine, and the device nodes it gives them.

Boundary: look-ups in hardware and device state.
"""

from __future__ import annotations

from gpucarve.twin.machine import Devices, Hardware, PciDevice

DRIVER = "nvidia"


def held(hardware: Hardware, devices: Devices) -> tuple[PciDevice, ...]:
    """In order of address; the place of each is its index in nvidia-smi and the N of its /dev/nvidiaN."""
    found = (each for each in hardware.devices if each.memory_mib and devices.drivers.get(each.address) == DRIVER)
    return tuple(sorted(found, key=lambda each: each.address))


def node(hardware: Hardware, devices: Devices, address: str) -> str:
    """The device node of a GPU; empty when the driver does not hold it."""
    places = {each.address: place for place, each in enumerate(held(hardware, devices))}
    return f"/dev/nvidia{places[address]}" if address in places else ""
