"""Resources as JSON and back, for plans that another run applies.

Boundary: fields alone, by their declared types; a name this version does not know is a ValueError.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints

from gpucarve.model.hosts import ResourceKey
from gpucarve.model.mig import MigProfileName, Placement
from gpucarve.model.pci import PciAddress
from gpucarve.resources.decisions import Resource
from gpucarve.resources.host.boot_unit import BootUnit, BootUnitAsBefore
from gpucarve.resources.host.driver_blacklist import DriverBlacklist, DriverBlacklistAsBefore
from gpucarve.resources.host.gpu_instance import AdoptedGpuInstance, GpuInstance
from gpucarve.resources.host.gpu_instance_removal import NoGpuInstance
from gpucarve.resources.host.kernel_arguments import KernelArguments, KernelArgumentsAsBefore
from gpucarve.resources.host.mig_mode import MigMode, MigModeAsBefore
from gpucarve.resources.host.modules_load import ModulesLoad, ModulesLoadAsBefore
from gpucarve.resources.host.vfio_binding import NoVfioBinding, VfioBinding
from gpucarve.resources.host.vgpu import Vgpu
from gpucarve.resources.host.vgpu_adoption import AdoptedVgpu
from gpucarve.resources.host.vgpu_removal import NoVgpu
from gpucarve.resources.host.virtual_functions import NoVirtualFunctions, VirtualFunctions
from gpucarve.resources.host.whole_gpu import WholeGpu
from gpucarve.resources.kube.allocatable import Allocatable
from gpucarve.resources.kube.node_label import NodeLabel

_CLASSES: dict[str, type[Any]] = {
    cls.__name__: cls
    for cls in (
        BootUnit,
        BootUnitAsBefore,
        KernelArguments,
        KernelArgumentsAsBefore,
        DriverBlacklist,
        DriverBlacklistAsBefore,
        ModulesLoad,
        ModulesLoadAsBefore,
        VfioBinding,
        NoVfioBinding,
        MigMode,
        MigModeAsBefore,
        VirtualFunctions,
        NoVirtualFunctions,
        GpuInstance,
        AdoptedGpuInstance,
        NoGpuInstance,
        Vgpu,
        AdoptedVgpu,
        NoVgpu,
        WholeGpu,
        NodeLabel,
        Allocatable,
    )
}
_PARSERS: dict[type, Callable[[str], Any]] = {
    ResourceKey: ResourceKey.parse,
    PciAddress: PciAddress.parse,
    MigProfileName: MigProfileName.parse,
    Placement: Placement.parse,
}


def to_data(resource: Resource) -> dict[str, Any]:
    """`{"type": class, field: text, number, truth or list}`."""
    fields = {each.name: _plain(getattr(resource, each.name)) for each in dataclasses.fields(resource)}  # type: ignore[arg-type]  # every resource is a dataclass
    return {"type": type(resource).__name__, **fields}


def from_data(data: dict[str, Any]) -> Resource:
    """The resource again. Raises ValueError on anything this version does not know."""
    fields = dict(data)
    cls = _CLASSES.get(str(fields.pop("type", "")))
    if cls is None:
        raise ValueError(f"{data.get('type')!r} is not a resource of this version")
    hints = _hints(cls.__name__)
    if set(fields) != {each.name for each in dataclasses.fields(cls)}:
        raise ValueError(f"{cls.__name__} does not have exactly the fields {', '.join(sorted(fields))}")
    made: Resource = cls(**{name: _value(value, hints[name]) for name, value in fields.items()})
    return made


@cache
def _hints(name: str) -> dict[str, Any]:
    """The declared types of a resource's fields; looked up once, since a plan holds thousands of a class."""
    return get_type_hints(_CLASSES[name])


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, int | str) else str(value)


def _value(value: object, hint: Any) -> object:
    if get_origin(hint) is tuple and isinstance(value, list):
        return tuple(_value(item, get_args(hint)[0]) for item in value)
    if hint in _PARSERS and isinstance(value, str):
        return _PARSERS[hint](value)
    if hint in (bool, int, str) and type(value) is hint:
        return value
    raise ValueError(f"{value!r} is not {hint}")
