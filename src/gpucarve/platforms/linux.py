"""Plain Linux hosts: everything is changed by us, directly.

Boundary: layout and snapshot to the resource graph of one host, there and back. Source of the order: NVIDIA vGPU
guide for KVM (IOMMU, virtual functions, then vGPUs).
"""

from __future__ import annotations

from gpucarve.facts import boot, ours
from gpucarve.facts.observed import Observed
from gpucarve.layout.cuts import HostLayout
from gpucarve.model.hosts import ResourceKey, Target
from gpucarve.model.pci import PciAddress
from gpucarve.resources.decisions import Resource
from gpucarve.resources.host import kernel_arguments, vgpu, virtual_functions
from gpucarve.resources.host.kernel_arguments import KernelArguments, KernelArgumentsAsBefore
from gpucarve.resources.host.vgpu import AdoptedVgpu, NoVgpu, Vgpu
from gpucarve.resources.host.virtual_functions import NoVirtualFunctions, VirtualFunctions

# AMD's IOMMU is on wherever the firmware has it on; `amd_iommu=on` is no option of the kernel.
_IOMMU = {"GenuineIntel": ("intel_iommu=on", "iommu=pt"), "AuthenticAMD": ("iommu=pt",)}


def resources(layout: HostLayout, observed: Observed) -> tuple[Resource, ...]:
    """What has to stand on a host for its layout. Raises facts.observed.Unreadable when its CPU cannot be told."""
    target = observed.target
    vendor = observed.require(boot.PROBE).cpu_vendor
    arguments = kernel_arguments.key(target)
    found: list[Resource] = [KernelArguments(arguments, _IOMMU.get(vendor, ("iommu=pt",)))]
    for gpu in layout.gpus:
        functions = virtual_functions.key(target, gpu.gpu)
        found.append(VirtualFunctions(functions, gpu.gpu, len(gpu.slots), (arguments,)))
        for slot in gpu.slots:
            key = vgpu.key(target, gpu.gpu, slot.number)
            found.append(Vgpu(key, gpu.gpu, slot.type_name, slot.capacity, (functions,)))
    return tuple(found)


def resources_to_adopt(layout: HostLayout, target: Target) -> tuple[Resource, ...]:
    """The slots of a layout, each to be filled by a vGPU that somebody else made, where one fits."""
    return tuple(
        AdoptedVgpu(vgpu.key(target, gpu.gpu, slot.number), gpu.gpu, slot.type_name)
        for gpu in layout.gpus
        for slot in gpu.slots
    )


def resources_before(observed: Observed) -> tuple[Resource, ...]:
    """What has to stand for the host to be as it was before our first claim, read from its claims alone.

    Raises facts.observed.Unreadable when they cannot be read.
    """
    target = observed.target
    claims = observed.require(ours.PROBE).claims
    vgpus: list[Resource] = []
    functions: list[Resource] = []
    arguments: list[Resource] = []
    for name, record in claims.items():
        if record.get("kind") == vgpu.KIND:
            subject = name.partition("@")[2]
            slot = ResourceKey(target, vgpu.KIND, subject)
            vgpus.append(NoVgpu(slot, PciAddress.parse(subject.partition("#")[0])))
    for record in claims.values():
        if record.get("kind") == virtual_functions.KIND:
            gpu = PciAddress.parse(record["gpu"])
            needs = tuple(each.key for each in vgpus if each.key.subject.startswith(f"{gpu}#"))
            functions.append(NoVirtualFunctions(virtual_functions.key(target, gpu), gpu, needs))
    if kernel_arguments.KIND in claims:
        record = claims[kernel_arguments.KIND]
        needs = tuple(each.key for each in (*vgpus, *functions))
        key = kernel_arguments.key(target)
        earlier = (tuple(record["arguments"]), record["command_line"], record["written"])
        arguments.append(KernelArgumentsAsBefore(key, *earlier, needs))
    return (*vgpus, *functions, *arguments)
