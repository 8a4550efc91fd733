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
from gpucarve.layout.layouts import GpuLayout, HostLayout
from gpucarve.model.hosts import ResourceKey, Target
from gpucarve.model.pci import PciAddress
from gpucarve.resources.decisions import Resource
from gpucarve.resources.host import kernel_arguments, slots, virtual_functions
from gpucarve.resources.host.kernel_arguments import KernelArguments
from gpucarve.resources.host.vgpu import Vgpu
from gpucarve.resources.host.vgpu_adoption import AdoptedVgpu
from gpucarve.resources.host.vgpu_removal import NoVgpu
from gpucarve.resources.host.virtual_functions import NoVirtualFunctions, VirtualFunctions

# AMD's IOMMU is on wherever the firmware has it on; `amd_iommu=on` is no option of the kernel.
_IOMMU = {"GenuineIntel": ("intel_iommu=on", "iommu=pt"), "AuthenticAMD": ("iommu=pt",)}
_ON_GPU = (virtual_functions.KIND, slots.KIND)
_KINDS = (kernel_arguments.KIND, *_ON_GPU)
_GPU = r"[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]"
_CLAIM = re.compile(
    rf"(?P<slot>{slots.KIND}@(?P<on>{_GPU})#[A-Za-z0-9-]{{1,40}}\.(?:0|[1-9]\d{{0,3}}))|{virtual_functions.KIND}@(?P<of>{_GPU})"
)


def resources(layout: HostLayout, observed: Observed) -> tuple[Resource, ...]:
    """What has to stand on a host for its layout, and what of ours has to go that the layout has no place for.

    Raises facts.observed.Unreadable when the host's CPU or our claims cannot be told.
    """
    target = observed.target
    vendor = observed.require(boot.PROBE).cpu_vendor
    arguments = kernel_arguments.key(target)
    gone = _gone(observed, layout.gpus, "the document no longer asks for it")
    found: list[Resource] = [KernelArguments(arguments, _IOMMU.get(vendor, ("iommu=pt",)))]
    for gpu in layout.gpus:
        functions = virtual_functions.key(target, gpu.gpu)
        found.append(VirtualFunctions(functions, gpu.gpu, len(gpu.slots), (arguments,)))
        keys = _slot_keys(gpu, target)
        leaving = tuple(each.key for each in gone if isinstance(each, NoVgpu) and each.gpu == gpu.gpu)
        for index, slot in enumerate(gpu.slots):
            needs = (functions, *leaving)
            found.append(Vgpu(keys[index], gpu.gpu, slot.type_name, slot.capacity, keys[:index], needs))
    return (*found, *gone)


def resources_to_adopt(layout: HostLayout, target: Target) -> tuple[Resource, ...]:
    """The slots of a layout, each to be filled by a vGPU that somebody else made, where one fits."""
    found = []
    for gpu in layout.gpus:
        keys = _slot_keys(gpu, target)
        for index, slot in enumerate(gpu.slots):
            same = tuple(keys[before] for before in range(index) if gpu.slots[before].type_name == slot.type_name)
            found.append(AdoptedVgpu(keys[index], gpu.gpu, slot.type_name, same))
    return tuple(found)


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


def _slot_keys(gpu: GpuLayout, target: Target) -> tuple[ResourceKey, ...]:
    return tuple(slots.key(target, gpu.gpu, slot.type_name, slot.number) for slot in gpu.slots)


def _gone(observed: Observed, layout: Sequence[GpuLayout], reason: str) -> tuple[NoVgpu | NoVirtualFunctions, ...]:
    """Nothing of what is ours on the GPUs but what the layout has; `reason` is why."""
    target, claims = observed.target, observed.require(ours.PROBE)
    wanted = {key.local for gpu in layout for key in _slot_keys(gpu, target)}
    wanted |= {virtual_functions.key(target, gpu.gpu).local for gpu in layout}
    unwanted = [name for name, record in claims.claims.items() if record.get("kind") in _ON_GPU and name not in wanted]
    vgpus = []
    functions = []
    for name in unwanted:
        match = _CLAIM.fullmatch(name)
        if match is None:
            raise Unreadable(f"{state.CLAIMS}/{name} is not a claim on a GPU or on one of its slots")
        gpu = PciAddress.parse(match["on"] or match["of"])
        key = ResourceKey(target, *name.split("@", 1))
        if match["slot"]:
            vgpus.append(NoVgpu(key, gpu, reason))
        else:
            functions.append(key)
    return (
        *vgpus,
        *(
            NoVirtualFunctions(key, gpu, reason, tuple(each.key for each in vgpus if each.gpu == gpu))
            for key in functions
            for gpu in (PciAddress.parse(key.subject),)
        ),
    )
