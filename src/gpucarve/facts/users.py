"""Who uses GPUs: processes that have NVIDIA's or VFIO's devices open, and the services known to be among them.

Boundary: /proc, /sys/class/vfio-dev and systemd; which guest a vGPU belongs to is also told by `facts.mediated`.
Sources: NVIDIA's driver documentation (the device minor in /proc/driver/nvidia/gpus/ADDRESS/information is N of
/dev/nvidiaN); Linux Documentation/driver-api/vfio.rst (groups, and /dev/vfio/devices with iommufd); systemctl(1).
"""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from gpucarve.calls.primitives import KIB, FindHolders, Inspect, ReadFiles, ReadLinks
from gpucarve.calls.replies import Exited, Failure, FailureKind, File, Holder, Holders, Links, Reply
from gpucarve.facts.observed import Probe, Unreadable, expect, whole
from gpucarve.model.pci import PciAddress

VGPU_MANAGER = "nvidia-vgpu-mgr"
KNOWN_CLIENTS = (
    "dcgm-exporter",
    "nvsm",
    "nvidia-dcgm",
    "dcgm",
    VGPU_MANAGER,
    "nvidia-persistenced",
)
"""The services that may be stopped for a change and started again after it, those that build on others first.

Sources: NVIDIA/mig-parted deployments/systemd/hooks.sh stops dcgm-exporter, nvsm and nvidia-dcgm for a change of MIG
mode; `dcgm` is what nvidia-dcgm was called before DCGM 2.2; nvidia-persistenced(1) keeps every GPU open; the vGPU
manager runs beside guests alone. Without the kubelet, which has no GPU open.
"""

FABRIC_MANAGER = "nvidia-fabricmanager"
"""Has every GPU of a board with NVSwitches open and is never stopped: that would take the links of other GPUs down, and
mig-parted changes MIG modes beside it."""

MIG_MANAGER = "nvidia-mig-manager"
"""NVIDIA/mig-parted's service: at each boot it gives all GPUs the MIG configuration that it was told last."""

_SHOWN = (*KNOWN_CLIENTS, FABRIC_MANAGER, MIG_MANAGER)

HOLDERS = FindHolders(("/dev/nvidia", "/dev/vfio/"))
"""Every process that has a GPU or a VFIO device open; all probes ask for these in the same words."""

_GPUS = "/proc/driver/nvidia/gpus"
_VFIO_DEVICES = "/sys/class/vfio-dev"
_OF_ALL = frozenset(
    f"/dev/{name}" for name in ("nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset", "nvidia-vgpuctl")
)
_CGROUPS = ("/sys/fs/cgroup", "/sys/fs/cgroup/systemd")  # the unified hierarchy, and systemd's own beside older ones
_GUEST = re.compile(r"(?:^|,)guest=([^,]+)")
_MINOR = re.compile(r"^Device Minor:\s*(\d+)\s*$", re.M)
_NO_SYSTEMD = "not been booted with systemd"


@dataclass(frozen=True, slots=True)
class User:
    """A process that has a device open: the virtual machine's `guest` name where its command line tells, the known
    service (`unit`) that it belongs to, else empty; `command` is the program's name without its arguments."""

    pid: int
    guest: str
    unit: str = ""
    command: str = ""

    def __str__(self) -> str:
        if self.guest:
            return f"guest {self.guest}"
        if self.unit:
            return f"service {self.unit}"
        return f"process {self.pid} ({self.command})" if self.command else f"process {self.pid}"


@dataclass(frozen=True, slots=True)
class Service:
    """A service that is installed; `main_pid` is 0 while it does not run, `enabled` whether each boot starts it."""

    active: bool
    main_pid: int = 0
    enabled: bool = False


@dataclass(frozen=True, slots=True)
class Users:
    """Users by GPU and by IOMMU group; services by name.

    Who has NVIDIA's driver as a whole open and none of its GPUs is a user of every GPU that the driver has: it may
    open any of them. Who has one GPU open has the driver open for that one.
    """

    by_gpu: dict[PciAddress, tuple[User, ...]] = field(default_factory=dict)
    by_group: dict[int, tuple[User, ...]] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)

    def on_gpu(self, gpu: PciAddress) -> tuple[User, ...]:
        """Who has this GPU open through NVIDIA's driver, in order of process id."""
        return self.by_gpu.get(gpu, ())

    def on_group(self, number: int) -> tuple[User, ...]:
        """Who has a device of this IOMMU group open through VFIO."""
        return self.by_group.get(number, ())


VFIO_DEVICES = ReadLinks((f"{_VFIO_DEVICES}/*/device/iommu_group",))
"""Which group each device is of that can be opened by itself."""


def by_group(holders: Holders, devices: Links) -> dict[str, tuple[User, ...]]:
    """The users of each VFIO group, by its number as text: of the group, or of a device of it (the reply to
    `VFIO_DEVICES`)."""
    found: dict[str, dict[int, User]] = defaultdict(dict)
    groups = _vfio_devices(devices)
    for holder in holders.entries:
        path = _path(holder)
        folder, _, name = path.rpartition("/")
        if folder == "/dev/vfio" and name.isdigit():
            found[name][holder.pid] = _user(holder, {})
        elif path in groups:
            found[str(groups[path])][holder.pid] = _user(holder, {})
    return {name: tuple(users.values()) for name, users in found.items()}


def _parse(replies: tuple[Reply, ...]) -> Users:
    holders, information, links, shown, members = replies
    services = _services(shown)
    units = {service.main_pid: name for name, service in services.items() if service.main_pid}
    units |= _members(whole(members))
    gpus = _minors(whole(information))
    groups = _vfio_devices(expect(links, Links))
    by_gpu: dict[PciAddress, dict[int, User]] = defaultdict(dict)
    group_users: dict[int, dict[int, User]] = defaultdict(dict)
    entries = expect(holders, Holders).entries
    with_a_gpu = {holder.pid for holder in entries if _path(holder) in gpus}
    for holder in entries:
        path, user = _path(holder), _user(holder, units)
        if path in gpus:
            by_gpu[gpus[path]][user.pid] = user
        elif path in _OF_ALL and user.pid not in with_a_gpu:
            for gpu in gpus.values():
                by_gpu[gpu][user.pid] = user
        elif path in groups:
            group_users[groups[path]][user.pid] = user
        elif path.startswith("/dev/vfio/") and path.removeprefix("/dev/vfio/").isdigit():
            group_users[int(posixpath.basename(path))][user.pid] = user
    return Users(
        {gpu: tuple(users[pid] for pid in sorted(users)) for gpu, users in by_gpu.items()},
        {group: tuple(users.values()) for group, users in group_users.items()},
        services,
    )


def _path(holder: Holder) -> str:
    """A device node that was removed meanwhile is the same device."""
    return holder.path.removesuffix(" (deleted)")


def _user(holder: Holder, units: Mapping[int, str]) -> User:
    command = posixpath.basename(holder.argv[0]) if holder.argv else ""
    return User(holder.pid, _guest(holder.argv), units.get(holder.pid, ""), command)


def _guest(argv: tuple[str, ...]) -> str:
    """The name in QEMU's `-name guest=NAME,…`; empty for any other process."""
    for option, value in pairwise(argv):
        if option == "-name":
            match = _GUEST.search(value)
            return match[1] if match else value.split(",")[0]
    return ""


def _minors(files: Mapping[str, File]) -> dict[str, PciAddress]:
    found: dict[str, PciAddress] = {}
    for path, file in files.items():
        minor = _MINOR.search(file.text())
        if minor is None:
            raise Unreadable(f"{path} does not say the device's minor number")
        found[f"/dev/nvidia{int(minor[1])}"] = PciAddress.parse(path.split("/")[-2])
    return found


def _vfio_devices(links: Links) -> dict[str, int]:
    """The IOMMU group of each device that is opened by itself, without its group."""
    return {
        f"/dev/vfio/devices/{path.removeprefix(f'{_VFIO_DEVICES}/').partition('/')[0]}": int(posixpath.basename(target))
        for path, target in links.by_path().items()
    }


def _services(reply: Reply) -> dict[str, Service]:
    """What systemd says of the services that are asked for; none without systemd, or in a container without its own."""
    if isinstance(reply, Failure) and reply.kind is FailureKind.ABSENT:
        return {}
    shown = expect(reply, Exited)
    if shown.status != 0 and _NO_SYSTEMD in shown.error_text():
        return {}
    if shown.status != 0 or shown.truncated:
        raise Unreadable(f"systemctl show: {shown.error_text()[:200] or f'exit {shown.status}'}")
    found: dict[str, Service] = {}
    for block in shown.text().split("\n\n"):
        entries = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if entries.get("LoadState") == "loaded":
            name = entries["Id"].removesuffix(".service")
            active = entries["ActiveState"] in ("active", "reloading")
            found[name] = Service(active, int(entries["MainPID"]), entries.get("UnitFileState") == "enabled")
    return found


def _members(files: Mapping[str, File]) -> dict[int, str]:
    """The service of each process in its control group."""
    return {
        int(pid): path.split("/")[-2].removesuffix(".service")
        for path, file in files.items()
        for pid in file.text().split()
    }


PROBE = Probe(
    "users",
    (
        HOLDERS,
        ReadFiles((f"{_GPUS}/*/information",), limit=4 * KIB),
        VFIO_DEVICES,
        Inspect(
            (
                "systemctl",
                "show",
                "--property=Id,LoadState,ActiveState,MainPID,UnitFileState",
                *(f"{name}.service" for name in _SHOWN),
            ),
            limit=16 * KIB,
        ),
        ReadFiles(
            tuple(f"{top}/system.slice/{name}.service/cgroup.procs" for name in _SHOWN for top in _CGROUPS),
            limit=64 * KIB,
        ),
    ),
    _parse,
)
