"""The way back on a plain Linux host: from the claims that it holds to the resources that take each of them back.

Boundary: the claims alone are read, so that losing the controller loses no way back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping

from gpucarve.calls import state
from gpucarve.facts import ours
from gpucarve.facts.observed import Observed, Unreadable
from gpucarve.model.hosts import ResourceKey, Target
from gpucarve.model.pci import PciAddress
from gpucarve.resources.decisions import Resource
from gpucarve.resources.host import (
    boot_unit,
    driver_blacklist,
    gpu_clients,
    instances,
    kernel_arguments,
    mig_mode,
    modules_load,
    slots,
    vfio_binding,
    virtual_functions,
)
from gpucarve.resources.host.boot_unit import BootUnitAsBefore
from gpucarve.resources.host.driver_blacklist import DriverBlacklistAsBefore
from gpucarve.resources.host.gpu_instance_removal import NoGpuInstance
from gpucarve.resources.host.mig_mode import MigModeAsBefore
from gpucarve.resources.host.modules_load import ModulesLoadAsBefore
from gpucarve.resources.host.vfio_binding import NoVfioBinding
from gpucarve.resources.host.vgpu_removal import NoVgpu
from gpucarve.resources.host.virtual_functions import NoVirtualFunctions

_Keys = tuple[ResourceKey, ...]
# In the order in which they go: each waits for those of its GPU before it.
_ON_GPU: Mapping[str, Callable[[ResourceKey, PciAddress, str, _Keys], Resource]] = {
    slots.KIND: NoVgpu,
    instances.KIND: NoGpuInstance,
    virtual_functions.KIND: NoVirtualFunctions,
    vfio_binding.KIND: NoVfioBinding,
    mig_mode.KIND: MigModeAsBefore,
}
_HOST_WIDE: Mapping[str, Callable[[ResourceKey, str, _Keys], Resource]] = {
    driver_blacklist.KIND: DriverBlacklistAsBefore,
    modules_load.KIND: ModulesLoadAsBefore,
    boot_unit.KIND: BootUnitAsBefore,
}
_OTHERS = (kernel_arguments.KIND, gpu_clients.KIND)
_SUBJECTS = {
    slots.KIND: re.compile(r"#[A-Za-z0-9-]{1,40}\.(0|[1-9]\d{0,3})"),
    instances.KIND: re.compile(r"#[A-Za-z0-9.-]{1,40}@\d{1,2}:\d{1,2}"),
}


def taken_back(observed: Observed, kept: Collection[str], reason: str) -> tuple[Resource, ...]:
    """What takes back every claim of the host but those in `kept` (local names), for `reason`.

    Raises facts.observed.Unreadable when they cannot be read, or hold something that this version does not know.
    """
    target, claims = observed.target, observed.require(ours.PROBE)
    strange = [
        name for name, record in claims.claims.items() if record.get("kind") not in (*_ON_GPU, *_HOST_WIDE, *_OTHERS)
    ]
    if strange:
        raise Unreadable(f"{state.CLAIMS}/{strange[0]}/record is damaged, or another version's")
    gone: list[Resource] = []
    for kind, takes_back in _ON_GPU.items():
        for name, record in claims.claims.items():
            if record.get("kind") == kind and name not in kept:
                key = _key(target, name, kind)
                gpu = _gpu(key)
                needs = tuple(each.key for each in gone if gpu_of(each.key) == gpu and each.key.kind != kind)
                gone.append(takes_back(key, gpu, reason, needs))
    needs = tuple(each.key for each in gone)
    for kind, as_before in _HOST_WIDE.items():
        if kind in claims.claims and kind not in kept:
            gone.append(as_before(ResourceKey(target, kind), reason, needs))
    if kernel_arguments.KIND in claims.claims and kernel_arguments.KIND not in kept:
        gone.append(kernel_arguments.before(kernel_arguments.key(target), claims, reason, needs))
    return tuple(gone)


def gpu_of(key: ResourceKey) -> PciAddress | None:
    """The GPU that a key's subject begins with; None for what is the whole host's."""
    return _gpu(key) if key.kind in _ON_GPU else None


def _gpu(key: ResourceKey) -> PciAddress:
    return PciAddress.parse(key.subject.partition("#")[0])


def _key(target: Target, claim: str, kind: str) -> ResourceKey:
    """The key that a claim is named after. Raises Unreadable for a name that is not ours."""
    subject = claim.removeprefix(f"{kind}@")
    gpu, _, rest = subject.partition("#")
    form = _SUBJECTS.get(kind)
    try:
        known = subject != claim and str(PciAddress.parse(gpu)) == gpu
    except ValueError:
        known = False
    if not known or bool(form) != bool(rest) or (form and not form.fullmatch(f"#{rest}")):
        raise Unreadable(f"{state.CLAIMS}/{claim} is not a claim on a GPU or on one of its slots")
    return ResourceKey(target, kind, subject)
