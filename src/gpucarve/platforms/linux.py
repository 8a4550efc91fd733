"""Plain Linux hosts: everything is changed by us, directly.

Boundary: layout and snapshot to the resource graph of one host; the way back is `linux_before`. Sources of the order:
NVIDIA vGPU guide for KVM (IOMMU, MIG mode, virtual functions, instances, vGPUs), rules of `resources.order`.
"""

from __future__ import annotations

from collections.abc import Iterator

from gpucarve.facts import boot, mig, modules, ours
from gpucarve.facts.observed import Observed, Unknown
from gpucarve.layout.layouts import CutKind, GpuLayout, HostLayout, Instance
from gpucarve.model.hosts import ResourceKey, Target
from gpucarve.model.mig import Placement
from gpucarve.platforms import linux_before
from gpucarve.resources.decisions import Resource
from gpucarve.resources.host import (
    boot_unit,
    driver_blacklist,
    instances,
    kernel_arguments,
    mig_mode,
    modules_load,
    slots,
    vfio_binding,
    virtual_functions,
    whole_gpu,
)
from gpucarve.resources.host.boot_unit import BootUnit
from gpucarve.resources.host.driver_blacklist import DriverBlacklist
from gpucarve.resources.host.gpu_instance import AdoptedGpuInstance, GpuInstance
from gpucarve.resources.host.kernel_arguments import KernelArguments
from gpucarve.resources.host.mig_mode import MigMode
from gpucarve.resources.host.modules_load import ModulesLoad
from gpucarve.resources.host.vfio_binding import VfioBinding
from gpucarve.resources.host.vgpu import Vgpu
from gpucarve.resources.host.vgpu_adoption import AdoptedVgpu
from gpucarve.resources.host.virtual_functions import VirtualFunctions
from gpucarve.resources.host.whole_gpu import WholeGpu

# AMD's IOMMU is on wherever the firmware has it on; `amd_iommu=on` is no option of the kernel.
_IOMMU = {"DMAR": ("intel_iommu=on", "iommu=pt"), "IVRS": ("iommu=pt",)}
_TABLES = {"GenuineIntel": "DMAR", "AuthenticAMD": "IVRS"}
_FOR_GUESTS = (CutKind.VGPU, CutKind.PASSTHROUGH)
_NOUVEAU = "nouveau"


def resources(layout: HostLayout, observed: Observed) -> tuple[Resource, ...]:
    """What has to stand on a host for its layout, and what of ours has to go that the layout has no place for.

    Raises facts.observed.Unreadable when the host's CPU or our claims cannot be told.
    """
    wide = _host_wide(layout, observed)
    of_gpus = (each for gpu in layout.gpus for each in _of_gpu(gpu, observed, (), ()))
    kept = frozenset(each.key.local for each in (*wide, *of_gpus))
    gone = linux_before.taken_back(observed, kept, "the document no longer asks for it")
    first = tuple(each.key for each in wide if each.key.kind in (kernel_arguments.KIND, driver_blacklist.KIND))
    # What was adopted is let go of and stays where it is, so nothing waits for it.
    going = tuple(each.key for each in gone if not _is_adopted(each.key, observed))
    found: list[Resource] = [*wide]
    for gpu in layout.gpus:
        leaving = tuple(key for key in going if linux_before.gpu_of(key) == gpu.gpu)
        found += _of_gpu(gpu, observed, first, leaving)
    return (*found, *gone)


def resources_to_adopt(layout: HostLayout, target: Target) -> tuple[Resource, ...]:
    """What a layout wants of instances and vGPUs, each to be filled by one that somebody else made, where one fits."""
    found: list[Resource] = []
    for gpu in layout.gpus:
        for each in gpu.instances:
            key = instances.key(target, gpu.gpu, each.profile, each.placement)
            found.append(AdoptedGpuInstance(key, gpu.gpu, each.profile, each.placement))
        keys = _slot_keys(gpu, target)
        for index, slot in enumerate(gpu.slots):
            same = tuple(keys[before] for before in range(index) if gpu.slots[before].type_name == slot.type_name)
            found.append(AdoptedVgpu(keys[index], gpu.gpu, slot.type_name, same))
    return tuple(found)


def resources_before(observed: Observed) -> tuple[Resource, ...]:
    """What has to stand for the host to be as it was before our first claim, read from its claims alone.

    Raises facts.observed.Unreadable when they cannot be read, or hold something that this version does not know.
    """
    return linux_before.taken_back(observed, frozenset(), "rolled back")


def _host_wide(layout: HostLayout, observed: Observed) -> list[Resource]:
    """Kernel arguments, drivers kept out, modules loaded, and the unit that lets all of it survive a boot."""
    target, kinds = observed.target, {gpu.kind for gpu in layout.gpus}
    found: list[Resource] = []
    if kinds.intersection(_FOR_GUESTS):
        running = observed.require(boot.PROBE)
        table = running.iommu_table or _TABLES.get(running.cpu_vendor, "")
        found.append(KernelArguments(kernel_arguments.key(target), _IOMMU.get(table, ("iommu=pt",))))
    if CutKind.PASSTHROUGH in kinds or (kinds and _nouveau_matters(observed)):
        found.append(DriverBlacklist(driver_blacklist.key(target), (_NOUVEAU,)))
    if CutKind.PASSTHROUGH in kinds:
        found.append(ModulesLoad(modules_load.key(target), (modules.named(vfio_binding.DRIVER),)))
    if any(_comes_back(gpu, observed) for gpu in layout.gpus):
        found.append(BootUnit(boot_unit.key(target)))
    return found


def _comes_back(gpu: GpuLayout, observed: Observed) -> bool:
    """Whether a boot wipes something that we make here; what was adopted is its maker's to bring back."""
    target = observed.target
    made = [instances.key(target, gpu.gpu, each.profile, each.placement) for each in gpu.instances]
    return gpu.kind is CutKind.PASSTHROUGH or not all(
        _is_adopted(key, observed) for key in (*made, *_slot_keys(gpu, target))
    )


def _is_adopted(key: ResourceKey, observed: Observed) -> bool:
    return observed.require(ours.PROBE).claims.get(key.local, {}).get("adopted") is True


def _nouveau_matters(observed: Observed) -> bool:
    """Whether the kernel's own driver is loaded, or is kept out by us."""
    found = observed.get(modules.PROBE)
    return not isinstance(found, Unknown) and (_NOUVEAU in found.loaded or modules.BLACKLIST in found.ours)


def _of_gpu(
    gpu: GpuLayout, observed: Observed, first: tuple[ResourceKey, ...], leaving: tuple[ResourceKey, ...]
) -> Iterator[Resource]:
    """What has to stand for one GPU, after what is `first` on the host; `leaving` is what of ours goes from the GPU."""
    target = observed.target
    mode = mig_mode.key(target, gpu.gpu)
    if gpu.mig_mode is not None:
        changes = _mode(gpu, observed) is not gpu.mig_mode
        yield MigMode(mode, gpu.gpu, gpu.mig_mode, gpu.mode_takes_reset, leaving if changes else ())
        first = (*first, mode)
    if gpu.kind is CutKind.WHOLE:
        yield WholeGpu(whole_gpu.key(target, gpu.gpu), gpu.gpu, (*first, *leaving))
    if gpu.kind is CutKind.PASSTHROUGH:
        yield VfioBinding(vfio_binding.key(target, gpu.gpu), gpu.gpu, gpu.functions, (*first, *leaving))
    if gpu.slots:
        functions = virtual_functions.key(target, gpu.gpu)
        back = tuple(key for key in leaving if key.kind == vfio_binding.KIND)
        yield VirtualFunctions(functions, gpu.gpu, len(gpu.slots), (*first, *back))
        first = (functions, mode) if gpu.mig_mode else (functions,)
    made = []
    for each in gpu.instances:
        made.append(instances.key(target, gpu.gpu, each.profile, each.placement))
        needs = (*first, *(key for key in leaving if _in_the_way(key, each)))
        yield GpuInstance(made[-1], gpu.gpu, each.profile, each.profile_id, each.placement, each.compute, needs)
    keys = _slot_keys(gpu, target)
    going = tuple(key for key in leaving if key.kind == slots.KIND)
    for index, slot in enumerate(gpu.slots):
        needs = (*first, *made, *going)
        yield Vgpu(keys[index], gpu.gpu, slot.type_name, slot.capacity, keys[:index], needs)


def _mode(gpu: GpuLayout, observed: Observed) -> bool | None:
    found = observed.get(mig.PROBE)
    seen = None if isinstance(found, Unknown) else found.by_gpu.get(gpu.gpu)
    return seen.current if seen else None


def _in_the_way(key: ResourceKey, wanted: Instance) -> bool:
    """Whether an instance that leaves has a slice that the wanted one takes; such a one does not stand yet."""
    place = key.subject.rpartition("@")[2]
    return key.kind == instances.KIND and Placement.parse(place).overlaps(wanted.placement)


def _slot_keys(gpu: GpuLayout, target: Target) -> tuple[ResourceKey, ...]:
    return tuple(slots.key(target, gpu.gpu, slot.type_name, slot.number) for slot in gpu.slots)
