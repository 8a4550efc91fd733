"""The guest's hardware as data: named topologies, each a machine with its devices at fixed places, as QEMU is told.

Pure: it only composes arguments. Every device has a fixed place, so that adding one moves no other. A snapshot belongs
to exactly the hardware it was taken on; `hardware` is that part of the command line.

Ids: gpucarve's catalog; subsystem ids of the A100 (1533), the Quadro (12ba) and the L40S (1851) as lspci printed them
for people who published it.
"""

import os
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

NETWORK = "net0"
GPU_ADDRESS = "0000:05:00.0"  # of the GPU with virtual functions, where there is one
SIBLING_ADDRESS = "0000:04:00.0"  # of the second one, on `PAIR`
QUADRO = tuple(f"0000:03:00.{number}" for number in range(4))  # graphics, sound, USB, UCSI
NVME_ADDRESS = "0000:02:00.0"

# Bus numbers follow the root ports' slots.
_PORTS = 5
_GPU_PORT, _SIBLING_PORT, _CARD_PORT, _NVME_PORT = "port5", "port4", "port3", "port2"


class Iommu(Enum):
    """The IOMMU a machine has; its CPU is of the same maker, since a host's kernel arguments follow from that."""

    INTEL = "intel-iommu,intremap=on"
    AMD = "amd-iommu"
    NONE = ""


@dataclass(frozen=True, slots=True)
class Gpu:
    """Identity of a GPU double with virtual functions; ids as lspci prints them. The defaults are an A100 PCIe 80GB."""

    device_id: int = 0x20B5
    subsystem_id: int = 0x1533
    total_vfs: int = 20
    vf_offset: int = 4
    vf_stride: int = 1

    def argument(self, bus: str, name: str = "gpu0") -> str:
        """The value of QEMU's `-device` for this GPU behind the root port `bus`."""
        ids = f"vendor-id=0x10de,device-id={self.device_id:#06x},vf-device-id={self.device_id:#06x}"
        subsystem = f"subsystem-vendor-id=0x10de,subsystem-id={self.subsystem_id:#06x}"
        functions = f"total-vfs={self.total_vfs},vf-offset={self.vf_offset},vf-stride={self.vf_stride}"
        return f"gpu-double,id={name},bus={bus},{ids},{subsystem},{functions}"


A100_GPU = Gpu()
L40S_GPU = Gpu(device_id=0x26B9, subsystem_id=0x1851, total_vfs=32)


@dataclass(frozen=True, slots=True)
class Topology:
    """One machine: `devices` are values of QEMU's `-device`, `objects` of `-object`.

    `snapshots` is False where QEMU cannot save one of the devices.
    """

    name: str
    devices: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    iommu: Iommu = Iommu.INTEL
    snapshots: bool = field(default=True, kw_only=True)


def _quadro() -> tuple[str, ...]:
    """A Quadro RTX 6000: four functions of one card, so one IOMMU group; and a display of the host's own, so that the
    card is not the one that the firmware uses."""
    ids = "vendor-id=0x10de,subsystem-vendor-id=0x10de,subsystem-id=0x12ba"
    small = "framebuffer-mib=0,registers-kib=16"
    functions = (
        "device-id=0x1e30,class-id=0x0300",
        f"device-id=0x10f7,class-id=0x0403,{small}",
        f"device-id=0x1ad6,class-id=0x0c03,interface-id=0x30,{small}",
        f"device-id=0x1ad7,class-id=0x0c80,{small}",
    )
    places = [f"id=card{number},bus={_CARD_PORT},addr=0x0.{number:#x},multifunction=on" for number in range(4)]
    doubles = [f"gpu-double,{place},{ids},{each}" for place, each in zip(places, functions, strict=True)]
    return ("VGA,addr=0x6", *doubles)


def _nvme() -> tuple[str, ...]:
    numbers = "sriov_max_vfs=4,sriov_vq_flexible=8,sriov_vi_flexible=4,max_ioqpairs=10,msix_qsize=16"
    return ("nvme-subsys,id=subsys0", f"nvme,id=nvme0,serial=bench,subsys=subsys0,bus={_NVME_PORT},{numbers}")


_A100 = (A100_GPU.argument(_GPU_PORT),)
_FOUR, _TWO = Gpu(total_vfs=4), Gpu(total_vfs=2)  # a look reads every type of every virtual function

A100 = Topology("a100", _A100)
RTX6000 = Topology("rtx6000", _quadro())
DEMO = Topology("demo", (*_A100, *_quadro()))
PLAIN = Topology("plain")
NOIOMMU = Topology("noiommu", _A100, iommu=Iommu.NONE)
AMD = Topology("amd", _A100, iommu=Iommu.AMD, snapshots=False)
NVME = Topology("nvme", _nvme(), snapshots=False)
VENDOR = Topology("vendor", (L40S_GPU.argument(_GPU_PORT),))
PAIR = Topology("pair", (_FOUR.argument(_GPU_PORT), _TWO.argument(_SIBLING_PORT, "gpu1")))

TOPOLOGIES = {each.name: each for each in (A100, RTX6000, DEMO, PLAIN, NOIOMMU, AMD, NVME, VENDOR, PAIR)}


def accelerator() -> str:
    """`kvm` where the CPU's own virtualisation is there for us, else TCG.

    Other providers of /dev/kvm open well and then hang an ordinary kernel, so the device alone is no evidence.
    """
    native = any(Path("/sys/module", module).exists() for module in ("kvm_intel", "kvm_amd"))
    if native and os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "kvm"
    return "tcg,tb-size=1024"


def _cpu(iommu: Iommu) -> str:
    vendor = "AuthenticAMD" if iommu is Iommu.AMD else "GenuineIntel"
    return f"qemu64,vendor={vendor},-svm,+ssse3,+sse4.1,+sse4.2,+popcnt,+aes,+pclmulqdq"


def hardware(topology: Topology) -> list[str]:
    """Arguments that make the machine itself: what a snapshot depends on."""
    ports = []
    for number in range(1, _PORTS + 1):
        ports += ["-device", f"pcie-root-port,id=port{number},chassis={number},slot={number},addr={0x10 + number:#x}"]
    return [
        # One processor: emulating a second costs a third more for the same work, and two guests share two cores.
        *("-accel", accelerator(), "-cpu", _cpu(topology.iommu), "-smp", "1", "-m", "1024"),
        *("-machine", "q35,kernel-irqchip=split,smm=off"),
        *(("-device", topology.iommu.value) if topology.iommu is not Iommu.NONE else ()),
        *("-nodefaults", "-no-user-config", "-display", "none", "-vga", "none"),
        *("-device", "virtio-blk-pci,drive=disk0,bootindex=1,addr=0x3"),
        *("-device", f"virtio-net-pci,netdev={NETWORK},romfile=,addr=0x4"),
        *("-object", "rng-random,filename=/dev/urandom,id=random0", "-device", "virtio-rng-pci,rng=random0,addr=0x5"),
        *ports,
        *(word for each in topology.objects for word in ("-object", each)),
        *(word for each in topology.devices for word in ("-device", each)),
    ]


def backends(disk: Path, port: int, folder: Path) -> list[str]:
    """Arguments that tie the machine to this host: disk file, loopback port, serial log and control socket."""
    return [
        *("-drive", f"if=none,id=disk0,file={disk},format=qcow2,cache=unsafe"),
        *("-netdev", f"user,id={NETWORK},restrict=on,hostfwd=tcp:127.0.0.1:{port}-:22"),
        *("-serial", f"file:{folder / 'serial.log'}"),
        *("-qmp", f"unix:{folder / 'qmp.sock'},server=on,wait=off"),
    ]
