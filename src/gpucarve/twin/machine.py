"""A simulated machine as data: its hardware, its stored files, what runs on it now, and what ails it.

`Hardware` never changes. `files` outlive everything. `Running` is what a power cut wipes; None stands for off.

Boundary: values; the rules that change them are in `vgpus`, `sriov`, `power` and `commands`, the views of them in
`sysfs` and `procfs`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from gpucarve.twin.nodes import Node


@dataclass(frozen=True, slots=True)
class VgpuType:
    """A vGPU type as a driver offers it: `number` 697 is `nvidia-697`; framebuffer in MiB; maximum per GPU."""

    number: int
    name: str
    framebuffer: int
    maximum: int
    mig_backed: bool = False
    heads: int = 1
    resolution: str = "4096x2160"

    @property
    def id(self) -> str:
        """The name of the type's folder in sysfs."""
        return f"nvidia-{self.number}"


@dataclass(frozen=True, slots=True)
class VgpuDriver:
    """The installed NVIDIA vGPU host driver, and the types it offers per device id."""

    version: str
    types: Mapping[str, tuple[VgpuType, ...]]


@dataclass(frozen=True, slots=True)
class PciDevice:
    """One function soldered in. `path` is where it sits under /sys/devices; ids are hexadecimal without 0x.

    `name` is the PCI database's, `product` what a GPU's driver calls it. Functions of one `isolation`, or else of one
    slot, share an IOMMU group. `driver` is the one that binds at boot, empty for none; `boot_vga` marks the display
    that firmware uses.
    """

    address: str
    path: str
    vendor: str
    device: str
    pci_class: str
    name: str
    product: str = ""
    subsystem_vendor: str = "0000"
    subsystem_device: str = "0000"
    numa_node: int = 0
    driver: str = ""
    isolation: str = ""
    total_vfs: int = 0
    vf_offset: int = 0
    vf_stride: int = 1
    memory_mib: int = 0
    uuid: str = ""
    boot_vga: bool = False


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Hardware:
    """What the machine is made of, and how long it takes to go down and come up, in seconds.

    `vtd` and `virtualization` are what the firmware's setup has turned on.
    `selinux` is the mode that its kernel is in, `enforcing` or `permissive`; empty where it is off.
    """

    hostname: str
    kernel: str
    cpu_vendor: str
    cpu_model: str
    cpus: int
    devices: tuple[PciDevice, ...]
    driver: VgpuDriver
    vtd: bool = True
    virtualization: bool = True
    iommu_by_default: bool = False
    selinux: str = ""
    stop_seconds: float = 5.0
    boot_seconds: float = 85.0

    def device(self, address: str) -> PciDevice | None:
        """The physical function at an address."""
        return next((device for device in self.devices if device.address == address), None)


@dataclass(frozen=True, slots=True)
class Mdev:
    """A mediated device: its parent function's address, its type's id, and the id of the GPU instance it stands in.

    `leaving` once its removal was asked for while somebody has it open.
    """

    uuid: str
    parent: str
    type_id: str
    instance: int | None = None
    leaving: bool = False


@dataclass(frozen=True, slots=True)
class ComputeInstance:
    """A compute instance of a GPU instance: its id, and its first compute slice and how many it takes."""

    number: int
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class GpuInstance:
    """A GPU instance: the GPU's address, the driver's id, the profile's name, first memory slice and how many."""

    gpu: str
    number: int
    profile: str
    start: int
    size: int
    compute: tuple[ComputeInstance, ...] = ()


@dataclass(frozen=True, slots=True)
class Process:
    """A process: what it has open, which of these it holds an exclusive flock on, and the service it belongs to."""

    pid: int
    argv: tuple[str, ...]
    open: tuple[str, ...] = ()
    locks: tuple[str, ...] = ()
    unit: str = ""


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Devices:
    """State of the device tree since boot: VFs per physical function, driver per function, vGPUs, IOMMU groups.

    `groups` maps a function's address or a vGPU's UUID to the number of its group; `domain` is the kind of default
    domain that groups of functions got at boot (`DMA-FQ`, or `identity` with `iommu=pt`). `mig` are the addresses of
    the GPUs in MIG mode, `modules` the kernel's loaded modules, `unbind_locks` the GPUs that NVIDIA's driver keeps from
    new users until it is unbound.
    """

    vfs: Mapping[str, int] = field(default_factory=dict)
    drivers: Mapping[str, str] = field(default_factory=dict)
    overrides: Mapping[str, str] = field(default_factory=dict)
    mdevs: tuple[Mdev, ...] = ()
    mig: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    instances: tuple[GpuInstance, ...] = ()
    groups: Mapping[str, int] = field(default_factory=dict)
    domain: str = "DMA-FQ"
    unbind_locks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Boot:
    """One boot: its id and the kernel's command line."""

    boot_id: str
    cmdline: str


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Processes:
    """The process table, and the id the next process gets."""

    entries: tuple[Process, ...] = ()
    next_pid: int = 1000


@dataclass(frozen=True, slots=True)
class Running:
    """All that a power cut wipes.

    `units` are the oneshot units of systemd that ran in this boot, with their ActiveState; `read_units` the digest of
    each unit's file as systemd last read it.
    """

    boot: Boot
    devices: Devices = field(default_factory=Devices)
    processes: Processes = field(default_factory=Processes)
    units: Mapping[str, str] = field(default_factory=dict)
    read_units: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Files:
    """Everything stored on disk, by canonical path."""

    nodes: Mapping[str, Node] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ailments:
    """What goes wrong from the inside: counts run down as they strike; times are on the world's clock.

    `sriov_refusals` are lock messages still to come, `sriov_yield` is how many VFs the tool manages at most,
    `failing` how often a command, by name, still fails at once.
    """

    sriov_refusals: int = 0
    sriov_yield: int | None = None
    disk_full: bool = False
    failing: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mount:
    """A file system of its own at `path`; `capacity` in bytes, None without a limit that matters."""

    path: str
    capacity: int | None = None
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Script:
    """What a command of the machine's own does, in the order of the fields: a site's tool, as data.

    The paths are files it stores its stdin and its arguments (each ended by a NUL) in, and one it makes at its end.
    """

    save_stdin: str = ""
    save_argv: str = ""
    sleep: float = 0.0
    touch: str = ""
    stdout: bytes = b""
    stderr: bytes = b""
    signal: int = 0
    status: int = 0


@dataclass(frozen=True, slots=True)
class Schedule:
    """What is going to happen by itself, as times on the world's clock; None for not at all.

    `stops_at`: an orderly shutdown under way ends then; `wakes_at`: a machine that is off comes back then;
    `hangs_until`: nothing on it moves before; `cut_off_until`: it goes on, but nobody can reach it;
    `boot_unit_ends_at`: gpucarve's boot unit has done its work.
    """

    stops_at: float | None = None
    wakes_at: float | None = None
    hangs_until: float | None = None
    cut_off_until: float | None = None
    boot_unit_ends_at: float | None = None


@dataclass(frozen=True, slots=True)
class Machine:
    """The whole of one machine. `scripts` are commands of its own, by path; a file stands there too.

    `mig_kept` are the addresses of the GPUs whose board remembers that they are to be in MIG mode.
    """

    hardware: Hardware
    files: Files
    running: Running | None = None
    ailments: Ailments = Ailments()
    schedule: Schedule = Schedule()
    mounts: tuple[Mount, ...] = ()
    scripts: Mapping[str, Script] = field(default_factory=dict)
    mig_kept: tuple[str, ...] = ()

    @property
    def up(self) -> Running:
        """What runs; only to be asked of a machine that is on."""
        if self.running is None:
            raise ValueError(f"{self.hardware.hostname} is off")
        return self.running

    def with_devices(self, devices: Devices) -> Machine:
        """The same machine with another device state."""
        return replace(self, running=replace(self.up, devices=devices))

    def with_processes(self, processes: Processes) -> Machine:
        """The same machine with another process table."""
        return replace(self, running=replace(self.up, processes=processes))
