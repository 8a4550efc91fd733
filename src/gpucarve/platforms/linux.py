"""Plain Linux hosts: everything is changed by us, directly.

Boundary: layout and snapshot to the resource graph of one host, there and back. Source of the order: NVIDIA vGPU
guide for KVM (IOMMU, virtual functions, then vGPUs).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from gpucarve.calls import state
from gpucarve.facts import boot, ours
from gpucarve.facts.observed import Observed, Unreadable
from gpucarve.layout.cuts import GpuLayout, HostLayout
from gpucarve.model.hosts import Target
from gpucarve.model.pci import PciAddress
from gpucarve.resources.decisions import Resource
from gpucarve.resources.host import kernel_arguments, vgpu, virtual_functions
from gpucarve.resources.host.kernel_arguments import KernelArguments
from gpucarve.resources.host.vgpu import AdoptedVgpu, NoVgpu, Vgpu
from gpucarve.resources.host.virtual_functions import NoVirtualFunctions, VirtualFunctions

# AMD's IOMMU is on wherever the firmware has it on; `amd_iommu=on` is no option of the kernel.
_IOMMU = {"GenuineIntel": ("intel_iommu=on", "iommu=pt"), "AuthenticAMD": ("iommu=pt",)}
_KINDS = (kernel_arguments.KIND, virtual_functions.KIND, vgpu.KIND)
_GPU = r"[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]"
_CLAIM = re.compile(rf"(?:{vgpu.KIND}@({_GPU})#(0|[1-9]\d{{0,3}})|{virtual_functions.KIND}@({_GPU}))")


def resources(layout: HostLayout, observed: Observed) -> tuple[Resource, ...]:
    """What has to stand on a host for its layout, and what of ours has to go that the layout has no place for.

    Raises facts.observed.Unreadable when the host's CPU or our claims cannot be told.
    """
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
    return (*found, *_gone(observed, layout.gpus, "the document no longer asks for it"))


def resources_to_adopt(layout: HostLayout, target: Target) -> tuple[Resource, ...]:
    """The slots of a layout, each to be filled by a vGPU that somebody else made, where one fits."""
    return tuple(
        AdoptedVgpu(vgpu.key(target, gpu.gpu, slot.number), gpu.gpu, slot.type_name)
        for gpu in layout.gpus
        for slot in gpu.slots
    )


def resources_before(observed: Observed) -> tuple[Resource, ...]:
    """What has to stand for the host to be as it was before our first claim, read from its claims alone.

    Raises facts.observed.Unreadable when they cannot be read, or hold something that this version does not know.
    """
    target, claims = observed.target, observed.require(ours.PROBE)
    strange = [name for name, record in claims.claims.items() if record.get("kind") not in _KINDS]
    if strange:
        raise Unreadable(f"{state.CLAIMS}/{strange[0]}/record is damaged, or another version's")
    gone = _gone(observed, (), "rolled back")
    if kernel_arguments.KIND not in claims.claims:
        return gone
    before = kernel_arguments.before(kernel_arguments.key(target), claims, tuple(each.key for each in gone))
    return (*gone, before)


def _gone(observed: Observed, layout: Sequence[GpuLayout], reason: str) -> tuple[Resource, ...]:
    """Nothing of what is ours on the GPUs but what the layout has; `reason` is why."""
    target, claims = observed.target, observed.require(ours.PROBE)
    wanted = {vgpu.key(target, gpu.gpu, slot.number).local for gpu in layout for slot in gpu.slots}
    wanted |= {virtual_functions.key(target, gpu.gpu).local for gpu in layout}
    vgpus: list[NoVgpu] = []
    functions: list[NoVirtualFunctions] = []
    for name, record in claims.claims.items():
        if record.get("kind") == vgpu.KIND and name not in wanted:
            gpu, number = _subject(name)
            vgpus.append(NoVgpu(vgpu.key(target, gpu, number), gpu, reason))
    for name, record in claims.claims.items():
        if record.get("kind") == virtual_functions.KIND and name not in wanted:
            gpu, _ = _subject(name)
            needs = tuple(each.key for each in vgpus if each.gpu == gpu)
            functions.append(NoVirtualFunctions(virtual_functions.key(target, gpu), gpu, reason, needs))
    return (*vgpus, *functions)


def _subject(claim: str) -> tuple[PciAddress, int]:
    """GPU and slot (0 where there is none) that a claim is named after. Raises Unreadable for a name not of ours."""
    match = _CLAIM.fullmatch(claim)
    if match is None:
        raise Unreadable(f"{state.CLAIMS}/{claim} is not a claim on a GPU or on one of its slots")
    return PciAddress.parse(match[1] or match[3]), int(match[2] or 0)
