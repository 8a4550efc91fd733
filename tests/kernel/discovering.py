"""What gpucarve's own discover sees of a guest, and what the guest's kernel says to a shell, in one form to compare.

The shell reads the same kernel in another way: single attributes and links instead of uevents, the driver's own account
of MIG instead of nvidia-smi's tables. Boundary: reads only.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from gpucarve import app
from gpucarve.app.worlds import open_world
from gpucarve.facts import mediated, mig, pci, vendor_vfio
from gpucarve.facts.observed import Observed
from tests.kernel.guest import Guest
from tests.kernel.lab import HOST, GuestLab

# No program is started for an attribute: emulation makes each a matter of milliseconds, and there are hundreds.
_SCRIPT = r"""
value() { read -r value <"$1" || value=; }
target() { target=-; [ ! -e "$1" ] || { cd -P "$1"; target=${PWD##*/}; cd /; }; }
for each in /sys/bus/pci/devices/*; do
    line="function ${each##*/}"
    for name in vendor device subsystem_device class; do value "$each/$name"; line="$line ${value#0x}"; done
    for name in driver iommu_group physfn; do target "$each/$name"; line="$line $target"; done
    for name in sriov_totalvfs sriov_numvfs; do
        value=0; [ ! -e "$each/$name" ] || value "$each/$name"; line="$line $value"
    done
    value "$each/driver_override"; echo "$line $value"
    for link in "$each"/virtfn*; do
        [ ! -e "$link" ] || { target "$link"; echo "virtual ${each##*/} ${link##*/virtfn} $target"; }
    done
    for link in "$each"/iommu_group/devices/*; do [ ! -e "$link" ] || echo "member ${each##*/} ${link##*/}"; done
    for type in "$each"/mdev_supported_types/*; do
        [ -e "$type" ] || continue
        value "$type/available_instances"; left=$value; value "$type/name"
        echo "type ${each##*/} ${type##*/} $left $value"
    done
    [ ! -e "$each/nvidia/current_vgpu_type" ] || {
        value "$each/nvidia/current_vgpu_type"; echo "current ${each##*/} $value"
        while read -r value; do echo "creatable ${each##*/} $value"; done <"$each/nvidia/creatable_vgpu_types"
    }
done
for each in /sys/bus/mdev/devices/*; do
    [ -e "$each" ] || continue
    target "$each/mdev_type"; type=$target; target "$each/.."; echo "mdev ${each##*/} $target $type"
done
for each in /proc/driver/nvidia/gpus/*/mig; do
    [ -e "$each" ] || continue
    gpu=${each%/mig} gpu=${gpu##*/}; echo "held $gpu"
    while read -r value; do echo "mig $gpu $value"; done <"$each"
done
"""


@dataclass
class Seen:
    """What there is, as plain text: a function's fields by address, and so on; `mig` is mode and instances by GPU."""

    functions: dict[str, tuple[str, ...]] = field(default_factory=dict)
    virtual: dict[str, list[str]] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)
    types: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)
    vendor: dict[str, tuple[int, dict[str, int]]] = field(default_factory=dict)
    mdevs: dict[str, tuple[str, str]] = field(default_factory=dict)
    mig: dict[str, tuple[str, list[str]]] = field(default_factory=dict)


def kernel(guest: Guest) -> Seen:
    """What the kernel says, to a shell."""
    seen = Seen()
    for line in guest.shell(_SCRIPT).splitlines():
        kind, key, *words = line.split()
        if kind in ("held", "mig"):
            _add_mig(seen, key, words)
        else:
            _add(seen, kind, key, words)
    for each in seen.virtual.values():
        each.sort()
    for _, instances in seen.mig.values():
        instances.sort()
    return seen


def _add(seen: Seen, kind: str, key: str, words: list[str]) -> None:
    """A line of a function or of a mediated device."""
    match kind:
        case "function":
            override = words[9] if len(words) > 9 else ""
            seen.functions[key] = (*words[:9], "" if override == "(null)" else override)
        case "virtual":
            seen.virtual.setdefault(key, []).append(f"{int(words[0]):03} {words[1]}")
        case "member":
            seen.groups.setdefault(key, []).append(words[0])
        case "type":
            seen.types[key, words[3]] = words[0], int(words[1])
        case "current":
            seen.vendor[key] = int(words[0]), {}
        case "creatable" if words[0] != "ID":
            seen.vendor[key][1][words[3]] = int(words[0])
        case "mdev":
            seen.mdevs[key] = words[0], words[1]
        case _:
            pass  # the header of a list


def _add_mig(seen: Seen, gpu: str, words: list[str]) -> None:
    """A line of the driver's account of a GPU; none at all says that the driver holds it."""
    mode, instances = seen.mig.get(gpu, ("- -", []))
    match words:
        case ["mode", current, pending]:
            mode = f"{current} {pending}"
        case ["instance", number, _, name, start, size, _]:
            instances.append(f"{name} {number} at {start}:{size}")
        case ["compute", owner, number, start, size]:
            instances.append(f"compute {number} of {owner} at {start}:{size}")
        case _:
            pass  # that the driver holds the GPU; a profile
    seen.mig[gpu] = mode, instances


def observe(guest: Guest, folder: Path) -> Observed:
    """gpucarve's look at the guest, over its own SSH transport."""

    async def look() -> Observed:
        world = open_world(GuestLab(guest, folder).fleet, None)
        try:
            found = (await app.observe(world, (HOST,)))[HOST]
            assert isinstance(found, Observed), found
            return found
        finally:
            await world.close()

    return asyncio.run(look())


def discovered(observed: Observed) -> Seen:
    """The same facts as gpucarve has them. Raises Unreadable where one could not be read."""
    seen = Seen()
    functions = observed.require(pci.PROBE)
    for address, each in functions.every.items():
        name = str(address)
        ids = (each.vendor, each.device, each.subsystem, each.device_class)
        links = (each.driver, each.iommu_group, each.physical_function)
        shown = ("-" if link in ("", None) else str(link) for link in links)
        seen.functions[name] = (*ids, *shown, str(each.total_vfs), str(each.enabled_vfs), each.override)
        if each.virtual_functions:
            seen.virtual[name] = [f"{number:03} {target}" for number, target in enumerate(each.virtual_functions)]
        if each.iommu_group is not None:
            seen.groups[name] = [str(member.address) for member in functions.members(each.iommu_group)]
    mediated_devices = observed.require(mediated.PROBE)
    for parent, types in mediated_devices.types.items():
        for offered in types.values():
            seen.types[str(parent), offered.name] = offered.type_id, offered.available
    for uuid, device in mediated_devices.devices.items():
        seen.mdevs[uuid] = str(device.parent), device.type_id
    for vf, vgpu in observed.require(vendor_vfio.PROBE).by_vf.items():
        seen.vendor[str(vf)] = vgpu.current, vgpu.creatable
    for gpu, found in observed.require(mig.PROBE).by_gpu.items():
        mode = "- -" if not found.supported else f"{int(bool(found.current))} {int(bool(found.pending))}"
        seen.mig[str(gpu)] = mode, _instances(found)
    return seen


def _instances(gpu: mig.GpuMig) -> list[str]:
    lines = []
    for each in gpu.instances:
        lines.append(f"{each.profile} {each.instance_id} at {each.placement}")
        lines += [f"compute {part.instance_id} of {each.instance_id} at {part.placement}" for part in each.compute]
    return sorted(lines)


def as_shown(seen: Seen) -> Seen:
    """The kernel's account in gpucarve's words: the first four digits of a class, and no maker in a type's name."""
    seen.functions = {key: (*each[:3], each[3][:4], *each[4:]) for key, each in seen.functions.items()}
    return seen
