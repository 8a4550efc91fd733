"""The twin of the guest: what the guest is and has on its disk before a scene, read through the transport.

Functions, kernel release and the files that gpucarve reads are the guest's own. What the twin only knows by rules (how
VFs are numbered, which types the driver offers, what a command does) is its own, and is what is judged.

Boundary: replies in, a `Machine` out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from random import Random
from uuid import UUID

from gpucarve.calls.primitives import HostRead, ReadFiles, ReadLinks, Run, Stat
from gpucarve.calls.replies import Exited, Files, Links, PathKind, PathStatuses, Reply
from gpucarve.facts import driver as facts
from gpucarve.facts.observed import expect
from gpucarve.model.hosts import Target
from gpucarve.twin import initramfs, power, seed_004
from gpucarve.twin.hosts import SimulatedHost
from gpucarve.twin.machine import Files as Stored
from gpucarve.twin.machine import Hardware, Machine, PciDevice
from gpucarve.twin.nodes import Directory, File, Link, Node
from gpucarve.twin.scenes import Scene
from gpucarve.twin.worlds import World
from tests.kernel.bench import GPU
from tests.kernel.machine import GPU_ADDRESS

TWIN = Target("twin", "gpuhost")
BOOT_ID = "/proc/sys/kernel/random/boot_id"
_UUID_BITS = 128
_PCI = "/sys/bus/pci/devices"
_KEPT = (
    "/etc/default/grub",
    "/etc/default/grub.d",
    "/etc/fstab",
    "/etc/hostname",
    "/etc/initramfs-tools",
    "/etc/libvirt/qemu",
    "/etc/mdevctl.d",
    "/etc/modprobe.d",
    "/etc/modules",
    "/etc/modules-load.d",
    "/etc/systemd/system",
    "/etc/udev/rules.d",
    "/boot/grub/grub.cfg",
    "/usr/lib/modprobe.d",
    "/usr/lib/modules-load.d",
    "/usr/lib/os-release",
    "/usr/lib/udev/rules.d/60-mdevctl.rules",
    "/var/lib/gpucarve",
)
_DEPTHS = tuple(f"{path}{below}" for path in _KEPT for below in ("", "/*", "/*/*", "/*/*/*"))
_ATTRIBUTES = ("uevent", "class", "numa_node", "boot_vga", "sriov_totalvfs", "sriov_offset", "sriov_stride")

ASKED: tuple[HostRead, ...] = (
    ReadFiles(("/proc/sys/kernel/osrelease", "/proc/sys/kernel/hostname", "/proc/cpuinfo", "/proc/cmdline", BOOT_ID)),
    ReadFiles(tuple(f"{_PCI}/*/{name}" for name in _ATTRIBUTES)),
    ReadLinks((f"{_PCI}/*", *(f"{_PCI}/*/{name}" for name in ("driver", "iommu_group", "physfn")))),
    ReadFiles(_DEPTHS, limit=1 << 20),
    ReadLinks(_DEPTHS),
    Stat((*_DEPTHS, "/boot/*")),
)


@dataclass(frozen=True, slots=True)
class Portrait:
    """The replies to `ASKED`; `functions`: the GPU's virtual functions are on."""

    replies: tuple[Reply, ...]
    functions: bool = False


class _Drawn(Random):
    """Chance as the guest had it: the ids of its boots, in their order; any id will do for one it never told."""

    def __init__(self, boots: Iterable[str]) -> None:
        super().__init__(5)
        self._boots = list(dict.fromkeys(boots))

    def getrandbits(self, k: int, /) -> int:
        return UUID(self._boots.pop(0)).int if k == _UUID_BITS and self._boots else super().getrandbits(k)


def world_of(portrait: Portrait, boots: Iterable[str] = ()) -> World:
    """A world of one machine, the twin of the guest as it was when the portrait was taken.

    `boots` are the ids that the guest's later boots had.
    """
    said = expect(portrait.replies[0], Files).by_path()
    chance = _Drawn([said[BOOT_ID].text(), *boots])
    machine = power.come_up(_machine(portrait.replies), chance)
    world = World(Scene({str(TWIN): machine}, seed=5))
    world.hosts[TWIN] = SimulatedHost(TWIN, machine, world.clock, chance)
    if portrait.functions:
        enabled = world.hosts[TWIN].by_hand(Run((facts.SRIOV_MANAGE, "-e", GPU_ADDRESS)))
        assert isinstance(enabled, Exited), enabled
        assert enabled.status == 0, enabled
    return world


def _machine(replies: tuple[Reply, ...]) -> Machine:
    proc, attributes, contents = (expect(replies[place], Files) for place in (0, 1, 3))
    links, targets = (expect(replies[place], Links) for place in (2, 4))
    statuses = expect(replies[5], PathStatuses)
    said = {path.rpartition("/")[2]: file.text() for path, file in proc.by_path().items()}
    hardware = Hardware(
        hostname=said["hostname"],
        kernel=said["osrelease"],
        cpu_vendor=_word(said["cpuinfo"], "vendor_id"),
        cpu_model=_word(said["cpuinfo"], "model name"),
        cpus=said["cpuinfo"].count("processor\t:"),
        devices=_devices({path: file.text() for path, file in attributes.by_path().items()}, links.by_path()),
        driver=seed_004.driver(),
        virtualization=bool(re.search(r"^flags\b.*\b(vmx|svm)\b", said["cpuinfo"], re.MULTILINE)),
    )
    stored = _stored(contents, targets, statuses)
    stored["/etc/fstab"] = File(f"UUID={_root(said['cmdline'])} / ext4 defaults 0 1\n".encode())
    return initramfs.make(Machine(hardware, Stored(stored)), hardware.kernel, initramfs.TOOLS)


def _word(text: str, name: str) -> str:
    found = re.search(rf"^{name}\s*: (.*)$", text, re.MULTILINE)
    assert found, name
    return found[1]


def _root(cmdline: str) -> str:
    """The root file system's UUID: the guest's fstab names it by its label, and update-grub finds it out."""
    found = re.search(r"root=UUID=(\S+)", cmdline)
    return found[1] if found else ""


def _devices(attributes: Mapping[str, str], links: Mapping[str, str]) -> tuple[PciDevice, ...]:
    """Every physical function of the guest; those of one IOMMU group share their isolation."""
    found = []
    for path, target in links.items():
        address = path.removeprefix(f"{_PCI}/")
        if "/" in address or f"{path}/physfn" in links:
            continue
        known = {name: attributes[f"{path}/{name}"] for name in _ATTRIBUTES if f"{path}/{name}" in attributes}
        events = dict(line.split("=", 1) for line in known["uevent"].splitlines())
        vendor, device = events["PCI_ID"].lower().split(":")
        sub_vendor, sub_device = events["PCI_SUBSYS_ID"].lower().split(":")
        ours = address == GPU_ADDRESS
        found.append(
            PciDevice(
                address=address,
                path=target.removeprefix("../../../devices/"),
                vendor=vendor,
                device=device,
                pci_class=known["class"].removeprefix("0x"),
                name=address,
                product="NVIDIA A100 80GB PCIe" if ours else "",
                subsystem_vendor=sub_vendor,
                subsystem_device=sub_device,
                numa_node=int(known["numa_node"]),
                driver=links.get(f"{path}/driver", "").rpartition("/")[2],
                isolation=links.get(f"{path}/iommu_group", "").rpartition("/")[2],
                total_vfs=int(known.get("sriov_totalvfs", 0)),
                vf_offset=GPU.vf_offset if ours else 0,
                vf_stride=GPU.vf_stride if ours else 1,
                memory_mib=81920 if ours else 0,
                boot_vga=known.get("boot_vga") == "1",
            )
        )
    return tuple(found)


def _stored(contents: Files, targets: Links, statuses: PathStatuses) -> dict[str, Node]:
    """A disk with the commands that the twin has, and in the places of `_KEPT` what the guest has there."""
    nodes: dict[str, Node] = {path: node for path, node in seed_004.stored().items() if not _replaced(path)}
    files, links = contents.by_path(), targets.by_path()
    for status in statuses.entries:
        match status.kind:
            case PathKind.DIRECTORY:
                nodes[status.path] = Directory(status.mode, status.uid, status.gid)
            case PathKind.LINK if status.path in links:
                nodes[status.path] = Link(links[status.path], status.uid, status.gid)
            case PathKind.FILE:
                content = files[status.path].content if status.path in files else b""
                nodes[status.path] = File(content, status.mode, status.uid, status.gid)
            case _:
                continue
    return nodes


def _replaced(path: str) -> bool:
    return path.startswith("/boot/") or any(path == kept or path.startswith(f"{kept}/") for kept in _KEPT)
