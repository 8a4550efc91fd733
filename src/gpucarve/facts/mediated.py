"""Mediated devices: which types each parent offers, which devices run, which are defined, who uses them.

Boundary: sysfs' mdev interface and mdevctl's definitions. Source: Linux Documentation/driver-api/vfio-mediated-device,
mdevctl(8). Users are the processes that have the device or its vfio group open, see `facts.users`.
"""

from __future__ import annotations

import json
import posixpath
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from gpucarve.calls.primitives import KIB, ReadFiles, ReadLinks, Stat
from gpucarve.calls.replies import File, Holders, Links, PathStatuses, Reply
from gpucarve.facts import users
from gpucarve.facts.observed import Probe, Unreadable, expect, whole
from gpucarve.facts.users import User
from gpucarve.model.pci import PciAddress
from gpucarve.model.vgpu import strip_prefix

PARENTS = "/sys/class/mdev_bus"
DEVICES = "/sys/bus/mdev/devices"
DEFINITIONS = "/etc/mdevctl.d"
BUS = "/sys/bus/mdev"  # there from the moment that the kernel has mediated devices at all, before a parent has any


@dataclass(frozen=True, slots=True)
class MdevType:
    """A type that a parent offers: id (`nvidia-697`), short name (`A100D-40C`), how many more it can make."""

    type_id: str
    name: str
    available: int


@dataclass(frozen=True, slots=True)
class Mdev:
    """A running mediated device."""

    uuid: str
    parent: PciAddress
    type_id: str
    users: tuple[User, ...] = ()


@dataclass(frozen=True, slots=True)
class Definition:
    """A device that mdevctl knows; `start` is `manual` or `auto`."""

    uuid: str
    parent: PciAddress
    type_id: str
    start: str


@dataclass(frozen=True, slots=True)
class Mediated:
    """`types` by parent and short name, `devices` and `definitions` by UUID; `defined_parents` are those that have a
    directory of definitions, be it an empty one; `bus` is whether the kernel that runs has mediated devices at all."""

    types: dict[PciAddress, dict[str, MdevType]]
    devices: dict[str, Mdev]
    definitions: dict[str, Definition]
    defined_parents: frozenset[PciAddress] = frozenset()
    bus: bool = True

    def on(self, parent: PciAddress) -> tuple[Mdev, ...]:
        """The devices that run on one parent."""
        return tuple(device for device in self.devices.values() if device.parent == parent)


def type_path(parent: PciAddress, type_id: str, name: str) -> str:
    """Path of an attribute of a type of a parent."""
    return f"{PARENTS}/{parent}/mdev_supported_types/{type_id}/{name}"


def device_path(uuid: str) -> str:
    """Path of a running device."""
    return f"{DEVICES}/{uuid}"


def definition_path(parent: PciAddress, uuid: str) -> str:
    """Path of mdevctl's definition of a device."""
    return f"{DEFINITIONS}/{parent}/{uuid}"


def _parse(replies: tuple[Reply, ...]) -> Mediated:
    types, devices, definitions, holders, statuses, openable = replies
    directories = {each.path for each in expect(statuses, PathStatuses).entries}
    return Mediated(
        _types(whole(types)),
        _devices(expect(devices, Links), users.by_group(expect(holders, Holders), expect(openable, Links))),
        _definitions(whole(definitions)),
        frozenset(PciAddress.parse(posixpath.basename(each)) for each in directories - {BUS}),
        BUS in directories,
    )


def _types(files: Mapping[str, File]) -> dict[PciAddress, dict[str, MdevType]]:
    attributes: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for path, file in files.items():
        parent, _, type_id, name = path.removeprefix(f"{PARENTS}/").split("/")
        if _on_pci(parent):
            attributes[parent, type_id][name] = file.text()
    found: dict[PciAddress, dict[str, MdevType]] = defaultdict(dict)
    for (parent, type_id), texts in attributes.items():
        name = strip_prefix(texts.get("name", type_id))
        available = texts.get("available_instances", "")
        if not available.isdigit():
            raise Unreadable(f"{parent} {type_id} does not say how many instances are left")
        found[PciAddress.parse(parent)][name] = MdevType(type_id, name, int(available))
    return dict(found)


def _devices(links: Links, by_group: Mapping[str, tuple[User, ...]]) -> dict[str, Mdev]:
    texts: dict[str, dict[str, str]] = defaultdict(dict)
    for path, target in links.by_path().items():
        uuid, _, name = path.removeprefix(f"{DEVICES}/").partition("/")
        texts[uuid][name] = target
    found: dict[str, Mdev] = {}
    for uuid, each in texts.items():
        if not {"", "mdev_type"} <= each.keys():
            continue  # removed while we looked
        home = posixpath.basename(posixpath.dirname(each[""]))
        if not _on_pci(home):
            continue
        group = posixpath.basename(each.get("iommu_group", ""))
        found[uuid] = Mdev(uuid, PciAddress.parse(home), posixpath.basename(each["mdev_type"]), by_group.get(group, ()))
    return found


def _on_pci(parent: str) -> bool:
    """Whether a parent's name is an address; mediated devices of other buses are none of ours."""
    try:
        PciAddress.parse(parent)
    except ValueError:
        return False
    return True


def _definitions(files: Mapping[str, File]) -> dict[str, Definition]:
    found: dict[str, Definition] = {}
    for path, file in files.items():
        parent, uuid = path.removeprefix(f"{DEFINITIONS}/").split("/")
        try:
            data = json.loads(file.content)
            found[uuid] = Definition(
                uuid, PciAddress.parse(parent), str(data["mdev_type"]), str(data.get("start", "manual"))
            )
        except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
            raise Unreadable(f"{path} is not a definition of mdevctl") from error
    return found


PROBE = Probe(
    "mediated",
    (
        ReadFiles(
            tuple(f"{PARENTS}/*/mdev_supported_types/*/{name}" for name in ("name", "available_instances")), limit=KIB
        ),
        ReadLinks((f"{DEVICES}/*", f"{DEVICES}/*/mdev_type", f"{DEVICES}/*/iommu_group")),
        ReadFiles((f"{DEFINITIONS}/*:*:*.*/*",), limit=64 * KIB),
        users.HOLDERS,
        Stat((f"{DEFINITIONS}/*:*:*.*", BUS)),
        users.VFIO_DEVICES,
    ),
    _parse,
)
