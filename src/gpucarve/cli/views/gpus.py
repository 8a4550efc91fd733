"""A host's GPUs with what stands on them: the rows that `status` and `discover` show.

Boundary: a snapshot and the catalog in, rows out; pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from gpucarve.catalog import Catalog
from gpucarve.facts import mediated, ours, pci
from gpucarve.facts.observed import Observed, Unknown


@dataclass(frozen=True, slots=True)
class Slice:
    """One running vGPU. `cells` of the `most` that its GPU can hold is what it takes; `most` is 0 if unknown."""

    type_name: str
    uuid: str
    virtual_function: str
    owned: bool
    users: tuple[str, ...]
    most: int


@dataclass(frozen=True, slots=True)
class GpuRow:
    """One GPU; `offered` maps the types that it can make now to how many more."""

    address: str
    model: str
    ids: str
    driver: str
    iommu_group: int | None
    enabled_vfs: int
    total_vfs: int
    slices: tuple[Slice, ...]
    offered: dict[str, int]


def rows(observed: Observed, catalog: Catalog) -> tuple[GpuRow, ...] | Unknown:
    """Every GPU in address order, or why that cannot be said."""
    functions, devices, claims = observed.get(pci.PROBE), observed.get(mediated.PROBE), observed.get(ours.PROBE)
    if isinstance(functions, Unknown):
        return functions
    if isinstance(devices, Unknown):
        return devices
    if isinstance(claims, Unknown):
        return claims
    owned = {str(record.get("uuid", "")) for record in claims.claims.values()}
    return tuple(_row(gpu, devices, owned, catalog) for gpu in functions.gpus)


def _row(gpu: pci.Function, devices: mediated.Mediated, owned: set[str], catalog: Catalog) -> GpuRow:
    model = catalog.gpu(gpu.device, gpu.subsystem)
    parents = (gpu.address, *gpu.virtual_functions)
    found = [device for parent in parents for device in devices.on(parent)]
    offered: dict[str, int] = {}
    for parent in parents:
        for name, kind in devices.types.get(parent, {}).items():
            offered[name] = offered.get(name, 0) + kind.available
    return GpuRow(
        address=str(gpu.address),
        model=model.name if model else f"unknown NVIDIA device {gpu.device}",
        ids=f"10de:{gpu.device} {gpu.subsystem}".strip(),
        driver=gpu.driver,
        iommu_group=gpu.iommu_group,
        enabled_vfs=gpu.enabled_vfs,
        total_vfs=gpu.total_vfs,
        slices=tuple(_slice(device, devices, owned, catalog) for device in found),
        offered={name: number for name, number in offered.items() if number},
    )


def _slice(device: mediated.Mdev, devices: mediated.Mediated, owned: set[str], catalog: Catalog) -> Slice:
    types = devices.types.get(device.parent, {}).values()
    name = next((each.name for each in types if each.type_id == device.type_id), device.type_id)
    known = catalog.vgpu_type(name)
    return Slice(
        type_name=name,
        uuid=device.uuid,
        virtual_function=str(device.parent),
        owned=device.uuid in owned,
        users=tuple(str(user) for user in device.users),
        most=known.max_per_gpu if known else 0,
    )
