"""The guest's hardware, as the command line of QEMU: one A100 behind a root port, an IOMMU, a disk, a network card.

Pure: it only composes arguments. Every device has a fixed place, so that adding one moves no other. A snapshot belongs
to exactly the hardware it was taken on; `hardware` is that part of the command line.
"""

import os
from dataclasses import dataclass
from pathlib import Path

NETWORK = "net0"
GPU_ADDRESS = "0000:05:00.0"
CARD, COMPANION = "0000:03:00.0", "0000:03:00.1"  # of `display_card`

# An Intel CPU, as the IOMMU is: which kernel arguments a host needs follows from the vendor.
_CPU = "qemu64,vendor=GenuineIntel,-svm,+ssse3,+sse4.1,+sse4.2,+popcnt,+aes,+pclmulqdq"
# Bus numbers follow the root ports' slots; the GPU's port is the fifth.
_EMPTY_PORTS = 4


@dataclass(frozen=True, slots=True)
class Gpu:
    """Identity of the GPU double; ids as lspci prints them. The defaults are an A100 PCIe 80GB with its 20 VFs."""

    device_id: int = 0x20B5
    subsystem_id: int = 0x1533
    total_vfs: int = 20
    vf_offset: int = 4
    vf_stride: int = 1

    def argument(self, bus: str) -> str:
        """The value of QEMU's `-device` for this GPU behind the root port `bus`."""
        ids = f"vendor-id=0x10de,device-id={self.device_id:#06x},vf-device-id={self.device_id:#06x}"
        subsystem = f"subsystem-vendor-id=0x10de,subsystem-id={self.subsystem_id:#06x}"
        functions = f"total-vfs={self.total_vfs},vf-offset={self.vf_offset},vf-stride={self.vf_stride}"
        return f"gpu-double,id=gpu0,bus={bus},{ids},{subsystem},{functions}"


def accelerator() -> str:
    """`kvm` where the CPU's own virtualisation is there for us, else TCG.

    Other providers of /dev/kvm open well and then hang an ordinary kernel, so the device alone is no evidence.
    """
    native = any(Path("/sys/module", module).exists() for module in ("kvm_intel", "kvm_amd"))
    if native and os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "kvm"
    return "tcg,thread=multi,tb-size=1024"


def hardware(gpu: Gpu) -> list[str]:
    """Arguments that make the machine itself: what a snapshot depends on."""
    ports = []
    for number in range(1, _EMPTY_PORTS + 2):
        ports += ["-device", f"pcie-root-port,id=port{number},chassis={number},slot={number},addr={0x10 + number:#x}"]
    return [
        *("-accel", accelerator(), "-cpu", _CPU, "-smp", "2", "-m", "1024"),
        *("-machine", "q35,kernel-irqchip=split,smm=off", "-device", "intel-iommu,intremap=on"),
        *("-nodefaults", "-no-user-config", "-display", "none", "-vga", "none"),
        *("-device", "virtio-blk-pci,drive=disk0,bootindex=1,addr=0x3"),
        *("-device", f"virtio-net-pci,netdev={NETWORK},romfile=,addr=0x4"),
        *("-object", "rng-random,filename=/dev/urandom,id=random0", "-device", "virtio-rng-pci,rng=random0,addr=0x5"),
        *ports,
        *("-device", gpu.argument(f"port{_EMPTY_PORTS + 1}")),
    ]


def display_card() -> list[str]:
    """A card of two functions in one IOMMU group: NVIDIA's graphics, and a companion that a driver of the kernel has;
    and the host's own display, so that the card is not the one the firmware uses.

    The companion is a real device of QEMU's, so that its driver is a real one too, and one that the initramfs loads.
    """
    ids = "vendor-id=0x10de,device-id=0x1e30,class-id=0x0300,subsystem-vendor-id=0x10de,subsystem-id=0x12ba"
    return [
        *("-device", "VGA,addr=0x6"),
        *("-device", f"gpu-double,id=card0,bus=port3,addr=0x0.0x0,multifunction=on,{ids}"),
        *("-object", "rng-random,filename=/dev/urandom,id=random1"),
        *("-device", "virtio-rng-pci,rng=random1,bus=port3,addr=0x0.0x1"),
    ]


def backends(disk: Path, port: int, folder: Path) -> list[str]:
    """Arguments that tie the machine to this host: disk file, loopback port, serial log and control socket."""
    return [
        *("-drive", f"if=none,id=disk0,file={disk},format=qcow2,cache=unsafe"),
        *("-netdev", f"user,id={NETWORK},restrict=on,hostfwd=tcp:127.0.0.1:{port}-:22"),
        *("-serial", f"file:{folder / 'serial.log'}"),
        *("-qmp", f"unix:{folder / 'qmp.sock'},server=on,wait=off"),
    ]
