"""nvidia-smi's query for GPUs as CSV, as the host driver answers it.

Boundary: `--query-gpu=FIELDS --format=csv[,noheader][,nounits]` and `-L`; nothing else of the tool.
"""

from __future__ import annotations

from collections.abc import Callable

from gpucarve.model.pci import PciAddress
from gpucarve.twin.commands.invocation import Invocation, Ran, ran
from gpucarve.twin.machine import Machine, PciDevice
from gpucarve.twin.vgpus import DRIVER

_FIELDS: dict[str, Callable[[Machine, PciDevice, int], str]] = {
    "index": lambda _machine, _gpu, index: str(index),
    "name": lambda _machine, gpu, _index: gpu.product,
    "gpu_name": lambda _machine, gpu, _index: gpu.product,
    "uuid": lambda _machine, gpu, _index: gpu.uuid,
    "gpu_uuid": lambda _machine, gpu, _index: gpu.uuid,
    "pci.bus_id": lambda _machine, gpu, _index: _bus_id(gpu),
    "gpu_bus_id": lambda _machine, gpu, _index: _bus_id(gpu),
    "driver_version": lambda machine, _gpu, _index: machine.hardware.driver.version,
    "memory.total": lambda _machine, gpu, _index: f"{gpu.memory_mib} MiB",
    "mig.mode.current": lambda _machine, _gpu, _index: "Disabled",
}


def nvidia_smi(machine: Machine, invocation: Invocation) -> Ran:
    """Exit 6 without a GPU the driver holds, 2 for a field or option it does not know."""
    drivers = machine.up.devices.drivers
    gpus = [gpu for gpu in machine.hardware.devices if gpu.memory_mib and drivers.get(gpu.address) == DRIVER]
    if not gpus:
        return ran(machine, 0.2, "No devices were found\n", status=6)
    if invocation.arguments == ("-L",):
        lines = [f"GPU {index}: {gpu.product} (UUID: {gpu.uuid})\n" for index, gpu in enumerate(gpus)]
        return ran(machine, 0.5, "".join(lines))
    fields: list[str] = []
    form: list[str] = []
    for word in invocation.arguments:
        name, _, value = word.partition("=")
        if name == "--query-gpu":
            fields = value.split(",")
        elif name == "--format":
            form = value.split(",")
        else:
            return ran(machine, 0.1, f"Invalid combination of input arguments: {word}\n", status=2)
    for name in fields:
        if name not in _FIELDS:
            return ran(machine, 0.1, f'Field "{name}" is not a valid field to query.\n\n', status=2)
    if not fields or "csv" not in form:
        return ran(machine, 0.1, "Invalid combination of input arguments\n", status=2)
    rows = [[_FIELDS[name](machine, gpu, index) for name in fields] for index, gpu in enumerate(gpus)]
    if "nounits" in form:
        rows = [[cell.removesuffix(" MiB") for cell in row] for row in rows]
    if "noheader" not in form:
        rows.insert(0, [f"{name} [MiB]" if name == "memory.total" else name for name in fields])
    return ran(machine, 0.5, "".join(f"{', '.join(row)}\n" for row in rows))


def _bus_id(gpu: PciDevice) -> str:
    address = PciAddress.parse(gpu.address)
    return f"{address.domain:08X}:{address.bus:02X}:{address.device:02X}.{address.function:X}"
