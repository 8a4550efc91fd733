"""A GPU as discovery tells it: what it is, what has it, what stands on it, what it could still make, who uses it.

Boundary: pure; the rows and their drawing are shared with `status`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gpucarve.cli.views import status
from gpucarve.cli.views.bars import bar
from gpucarve.cli.views.gpus import GpuRow, Instance, Slice
from gpucarve.cli.views.text import Style, count
from gpucarve.facts import domains, pci, users, vendor_vfio
from gpucarve.facts.observed import Observed, Unknown
from gpucarve.model.pci import PciAddress

_INDENT = "    "
_CELLS = (48, 32, 24, 16)  # multiples of the slices that MIG cuts a GPU's memory into


def lines(row: GpuRow, observed: Observed, style: Style) -> list[str]:
    """The block of one GPU."""
    function = observed.require(pci.PROBE).by_address[PciAddress.parse(row.address)]
    parts = [*_identity(row, function), *_carved(row), *_types(row, function, observed), *_used(function, observed)]
    found = [f"  GPU {row.address}", *style.table(parts, indent=_INDENT)]
    if row.slices or row.instances or row.passed_through:
        room = style.width - len(_INDENT) - 2
        found.insert(1, _INDENT + bar(row, next((cells for cells in _CELLS if cells <= room), _CELLS[-1]), style))
    return found


def data(row: GpuRow, observed: Observed) -> dict[str, Any]:
    """The same for programs."""
    function = observed.require(pci.PROBE).by_address[PciAddress.parse(row.address)]
    holders = _holders(function, observed)
    return {
        **status.gpu_data(row),
        "ids": row.ids,
        "driver": row.driver,
        "driverOverride": function.override,
        "iommuGroup": row.iommu_group,
        "numaNode": function.numa_node,
        "bootDisplay": function.boot_vga,
        "offers": row.offered,
        "vendorVfio": [
            {"virtualFunction": str(address), "current": each.current, "creatable": each.creatable}
            for address, each in _vendor(function, observed)
        ],
        "users": None
        if isinstance(holders, Unknown)
        else [{"pid": u.pid, "guest": u.guest, "service": u.unit, "command": u.command} for u in holders],
        "guests": _guests(function, observed),
    }


def _identity(row: GpuRow, function: pci.Function) -> Iterator[tuple[str, str]]:
    display = ", the firmware's display" if function.boot_vga else ""
    node = "" if function.numa_node is None else f", NUMA node {function.numa_node}"
    yield "model", f"{row.model} ({row.ids}){node}{display}"
    only = f", only {function.override} may bind it" if function.override else ""
    yield "bound to", (row.driver or "no driver") + only
    beside = ", ".join(f"{each.address} ({each.driver or 'no driver'})" for each in row.companions[1:])
    group = "off" if row.iommu_group is None else f"group {row.iommu_group}"
    yield "IOMMU", f"{group}, with {beside}" if beside else group
    if row.total_vfs:
        yield "VFs", f"{row.enabled_vfs} of {row.total_vfs}"


def _carved(row: GpuRow) -> Iterator[tuple[str, str]]:
    if row.unclear:
        yield "MIG", f"unknown: {row.unclear}"
    elif row.mig is not None:
        after = "" if row.mig is row.mig_pending else f", {'on' if row.mig_pending else 'off'} after a GPU reset"
        instances = f", {count(len(row.instances), 'instance')}" if row.mig else ""
        yield "MIG", ("on" if row.mig else "off") + instances + after
    for each in row.instances:
        yield "instance", _instance(each)
    if row.vgpus_unclear:
        yield "vGPUs", f"unknown: {row.vgpus_unclear}"
    for vgpu in row.slices:
        yield "vGPU", _vgpu(vgpu)


def _instance(each: Instance) -> str:
    vgpu = f", vGPU {each.vgpu.type_name}" if each.vgpu else ""
    return f"{each.profile} at {each.start}:{each.size}, {count(each.compute, 'compute instance')}{vgpu}"


def _vgpu(each: Slice) -> str:
    by = "ours" if each.owned else "foreign"
    used = f", used by {', '.join(each.users)}" if each.users else ""
    return f"{each.type_name} {each.uuid} on {each.virtual_function}, {by}{used}"


def _types(row: GpuRow, function: pci.Function, observed: Observed) -> Iterator[tuple[str, str]]:
    """What could still be made, by either of the two ways that drivers offer vGPUs."""
    if row.offered:
        yield "offers", ", ".join(row.offered)
    vendor = _vendor(function, observed)
    names = {number: name for _, each in vendor for name, number in each.creatable.items()}
    for address, each in vendor:
        if each.current:
            yield "vGPU", f"{names.get(each.current, f'type {each.current}')} on {address}, by vendor VFIO"
    if names:
        yield "offers", f"{', '.join(dict.fromkeys(names.values()))}, by vendor VFIO"


def _vendor(function: pci.Function, observed: Observed) -> list[tuple[PciAddress, vendor_vfio.VfVgpu]]:
    known = observed.get(vendor_vfio.PROBE)
    if isinstance(known, Unknown):
        return []
    return [(vf, known.by_vf[vf]) for vf in function.virtual_functions if vf in known.by_vf]


def _used(function: pci.Function, observed: Observed) -> Iterator[tuple[str, str]]:
    holders = _holders(function, observed)
    if isinstance(holders, Unknown):
        yield "used by", f"unknown: {holders.why}"
    elif holders:
        yield "used by", ", ".join(str(each) for each in holders)
    guests = _guests(function, observed)
    if guests:
        yield "given to", f"guest {', '.join(guests)} by libvirt"


def _holders(function: pci.Function, observed: Observed) -> tuple[users.User, ...] | Unknown:
    """Who has the GPU open, by the driver or through VFIO, or one of its virtual functions."""
    known, every = observed.get(users.PROBE), observed.require(pci.PROBE).every
    if isinstance(known, Unknown):
        return known
    own = (function, *(every[vf] for vf in function.virtual_functions if vf in every))
    groups = [each.iommu_group for each in own if each.iommu_group is not None]
    through_vfio = (user for group in groups for user in known.on_group(group))
    return tuple(dict.fromkeys((*known.on_gpu(function.address), *through_vfio)))


def _guests(function: pci.Function, observed: Observed) -> list[str]:
    """The domains, running or not, that are given the GPU or one of its virtual functions."""
    known = observed.get(domains.PROBE)
    if isinstance(known, Unknown):
        return []
    own = {function.address, *function.virtual_functions}
    every = (*known.running.values(), *known.defined.values())
    return sorted({domain.name for domain in every if domain.functions & own})
