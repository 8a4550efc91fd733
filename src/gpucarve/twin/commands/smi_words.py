"""What the tables and the changes of nvidia-smi mig share: GPUs, options, names and numbers of instances.

Boundary: values and look-ups; what is done with them is `smi_tables`' and `smi_instances`'.
"""

from __future__ import annotations

from dataclasses import replace

from gpucarve.catalog.mig import MigProfile
from gpucarve.model.mig import MigProfileName
from gpucarve.twin import mig
from gpucarve.twin.machine import ComputeInstance, GpuInstance, Machine, PciDevice

COMPUTE_IDS = {1: 0, 2: 1, 3: 2, 4: 3, 7: 4}  # slices to the id of the compute instance profile

Gpus = tuple[tuple[int, PciDevice], ...]
Options = dict[str, str]


def owners(machine: Machine, gpus: Gpus, options: Options) -> list[tuple[int, PciDevice, GpuInstance]]:
    """Index, GPU and GPU instance of each that `-i` and `-gi` name."""
    wanted = options["-gi"].split(",") if "-gi" in options else None
    return [
        (index, gpu, each)
        for index, gpu in gpus
        for each in mig.instances_on(machine.up.devices, gpu.address)
        if wanted is None or str(each.number) in wanted
    ]


def profile_of(gpu: PciDevice, owner: GpuInstance) -> MigProfile:
    """The profile of a GPU instance."""
    return next(each for each in mig.profiles_of(gpu) if str(each.name) == owner.profile)


def compute_name(gpu: PciDevice, owner: GpuInstance, part: ComputeInstance) -> str:
    """What the tool calls a compute instance: like its GPU instance, when it fills it."""
    name = MigProfileName.parse(owner.profile)
    return str(name if part.size == profile_of(gpu, owner).compute_slices else replace(name, compute=part.size))
