"""nvidia-smi vgpu -q: the vGPUs that guests run with, and the GPU instance each stands in.

Lines as in outputs that users published; of what a guest's driver reports nothing is simulated, and not printed.

Boundary: reads the machine; a vGPU that no guest uses is not active and not told.
"""

from __future__ import annotations

from gpucarve.twin import vgpus
from gpucarve.twin.commands.invocation import Ran, ran
from gpucarve.twin.commands.smi_gpus import bus_id, chosen
from gpucarve.twin.machine import Machine, Mdev


def query(machine: Machine) -> Ran:
    """Every GPU that the driver holds, with its active vGPUs."""
    lines: list[str] = []
    for _, gpu in chosen(machine, None):
        active = [each for each in vgpus.live_on(machine, gpu.address) if vgpus.in_use(machine, each)]
        lines += [f"GPU {bus_id(gpu)}", _line(1, "Active vGPUs", str(len(active)))]
        for number, each in enumerate(active, start=3251634190):
            lines += _active(each, number)
    return ran(machine, 0.4, "\n".join((*lines, "")))


def _active(mdev: Mdev, number: int) -> list[str]:
    instance = "N/A" if mdev.instance is None else str(mdev.instance)
    return [
        _line(1, "vGPU ID", str(number)),
        _line(2, "vGPU Type", mdev.type_id.removeprefix("nvidia-")),
        _line(2, "MDEV UUID", mdev.uuid),
        _line(2, "GPU Instance ID", instance),
    ]


def _line(depth: int, name: str, value: str) -> str:
    return f"{'    ' * depth}{name}".ljust(42) + f": {value}"
