"""A host's GPUs with what stands on them: the rows that `status` and `discover` show.

Boundary: a snapshot and the catalog in, rows out; pure. How a row is drawn is `bars`'.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gpucarve.catalog import Catalog, GpuModel
from gpucarve.facts import mediated, mig, ours, pci, users
from gpucarve.facts.observed import Observed, Unknown, Unreadable

VFIO = "vfio-pci"


@dataclass(frozen=True, slots=True)
class Slice:
    """One running vGPU: one of the `most` that its GPU can hold, 0 if unknown; `profile` is what a MIG-backed one
    lives in, else empty."""

    type_name: str
    uuid: str
    virtual_function: str
    owned: bool
    users: tuple[str, ...]
    most: int
    profile: str = ""


@dataclass(frozen=True, slots=True)
class Instance:
    """One GPU instance at its place, in memory slices; how many compute instances it has, and its vGPU if any.

    The driver does not say which of several equal instances a vGPU took, so they are given out in order.
    """

    profile: str
    start: int
    size: int
    compute: int
    vgpu: Slice | None = None


@dataclass(frozen=True, slots=True)
class Companion:
    """A function that goes where its GPU goes, with the driver that has it."""

    address: str
    driver: str


@dataclass(frozen=True, slots=True)
class GpuRow:
    """One GPU.

    `offered` maps the types that it can make now to how many more. `mig` and `mig_pending` are None without MIG,
    `unclear` is why they cannot be told, `vgpus_unclear` why its vGPUs cannot; `instances` stand on `memory_slices`,
    0 where that is unknown. `companions` begin with the GPU itself. `sriov_vgpu` is whether its vGPUs take virtual
    functions. `users` have the GPU itself open, through VFIO where it is passed through; services and the users of
    its vGPUs are not among them.
    """

    address: str
    model: str
    ids: str
    driver: str
    iommu_group: int | None
    enabled_vfs: int
    total_vfs: int
    sriov_vgpu: bool
    slices: tuple[Slice, ...] = ()
    offered: dict[str, int] = field(default_factory=dict)
    mig: bool | None = None
    mig_pending: bool | None = None
    unclear: str = ""
    vgpus_unclear: str = ""
    instances: tuple[Instance, ...] = ()
    memory_slices: int = 0
    companions: tuple[Companion, ...] = ()
    users: tuple[str, ...] = ()

    @property
    def passed_through(self) -> bool:
        """Whether the GPU is kept for a VM."""
        return self.driver == VFIO


@dataclass(frozen=True, slots=True)
class _Sight:
    """What the rows of one host are made of."""

    functions: pci.Functions
    devices: mediated.Mediated
    vgpus_unclear: str
    modes: mig.Mig | Unknown
    users: users.Users
    owned: frozenset[str]
    catalog: Catalog


def rows(observed: Observed, catalog: Catalog) -> tuple[GpuRow, ...] | Unknown:
    """Every GPU in address order, or why that cannot be said."""
    functions = observed.get(pci.PROBE)
    if isinstance(functions, Unknown):
        return functions
    try:
        devices, unclear = observed.require(mediated.PROBE), ""
        claims = observed.require(ours.PROBE).claims
    except Unreadable as error:
        devices, claims, unclear = mediated.Mediated({}, {}, {}), {}, str(error)
    owned = frozenset(str(record.get("uuid", "")) for record in claims.values())
    modes: mig.Mig | Unknown = observed.get(mig.PROBE)
    held = observed.get(users.PROBE)
    known = users.Users() if isinstance(held, Unknown) else held
    sight = _Sight(functions, devices, unclear, modes, known, owned, catalog)
    return tuple(_row(gpu, sight) for gpu in functions.gpus)


def _row(gpu: pci.Function, sight: _Sight) -> GpuRow:
    model = sight.catalog.gpu(gpu.device, gpu.subsystem)
    parents = (gpu.address, *gpu.virtual_functions)
    slices = tuple(_slice(device, sight) for parent in parents for device in sight.devices.on(parent))
    offered: dict[str, int] = {}
    for parent in parents:
        for name, kind in sight.devices.types.get(parent, {}).items():
            offered[name] = offered.get(name, 0) + kind.available
    unclear = sight.modes.why if isinstance(sight.modes, Unknown) else ""
    modes = None if isinstance(sight.modes, Unknown) else sight.modes.by_gpu.get(gpu.address)
    return GpuRow(
        address=str(gpu.address),
        model=model.name if model else f"unknown NVIDIA device {gpu.device}",
        ids=f"10de:{gpu.device} {gpu.subsystem}".strip(),
        driver=gpu.driver,
        iommu_group=gpu.iommu_group,
        enabled_vfs=gpu.enabled_vfs,
        total_vfs=gpu.total_vfs,
        sriov_vgpu=bool(gpu.total_vfs) and (model is None or model.sriov_vgpu is not False),
        slices=slices,
        offered={name: number for name, number in offered.items() if number},
        mig=modes.current if modes else None,
        mig_pending=modes.pending if modes else None,
        unclear=unclear if model is None or model.mig is not False else "",
        vgpus_unclear=sight.vgpus_unclear,
        instances=_instances(modes, slices) if modes else (),
        memory_slices=_memory_slices(model, sight.catalog),
        companions=_companions(gpu, sight.functions),
        users=_users(gpu, sight.users),
    )


def _users(gpu: pci.Function, known: users.Users) -> tuple[str, ...]:
    if gpu.driver != VFIO:
        held = known.by_gpu.get(gpu.address, ())
    else:
        held = known.on_group(gpu.iommu_group) if gpu.iommu_group is not None else ()
    return tuple(str(each) for each in held if not each.unit)


def _slice(device: mediated.Mdev, sight: _Sight) -> Slice:
    types = sight.devices.types.get(device.parent, {}).values()
    name = next((each.name for each in types if each.type_id == device.type_id), device.type_id)
    known = sight.catalog.vgpu_type(name)
    return Slice(
        type_name=name,
        uuid=device.uuid,
        virtual_function=str(device.parent),
        owned=device.uuid in sight.owned,
        users=tuple(str(user) for user in device.users),
        most=known.max_per_gpu if known else 0,
        profile=(known.gi_profile or "") if known else "",
    )


def _instances(modes: mig.GpuMig, slices: tuple[Slice, ...]) -> tuple[Instance, ...]:
    waiting = list(slices)
    found = []
    for each in modes.instances:
        vgpu = next((one for one in waiting if one.profile == str(each.profile)), None)
        if vgpu is not None:
            waiting.remove(vgpu)
        place = each.placement
        found.append(Instance(str(each.profile), place.start, place.size, len(each.compute), vgpu))
    return tuple(found)


def _memory_slices(model: GpuModel | None, catalog: Catalog) -> int:
    table = catalog.mig_table(model.id) if model else None
    return (table.memory_slices or 0) if table else 0


def _companions(gpu: pci.Function, functions: pci.Functions) -> tuple[Companion, ...]:
    """The other functions of its IOMMU group, or of its device where groups cannot be seen."""
    if gpu.iommu_group is not None:
        others = functions.members(gpu.iommu_group)
    else:
        slot = str(gpu.address).rpartition(".")[0]
        others = tuple(
            each
            for each in functions.every.values()
            if str(each.address).rpartition(".")[0] == slot and each.physical_function is None
        )
    beside = (each for each in others if each.address != gpu.address and not each.is_bridge)
    return tuple(Companion(str(each.address), each.driver) for each in (gpu, *beside))
