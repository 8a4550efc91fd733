"""The second built-in machine: an AMD host with a Quadro RTX 6000 and a Tesla T4 that nobody has prepared for VMs.

The Quadro is four functions in one IOMMU group (graphics, sound, USB, UCSI), each with a driver of its own, as in the
StackHPC Kayobe guide's part on PCI passthrough. nouveau has both GPUs; the console is on the board's own ASPEED.
NVIDIA's driver is not installed, and has no work here. The rest of the disk is the first machine's.

Boundary: data; nothing is simulated here. Ids: the PCI ID database.
"""

from __future__ import annotations

from gpucarve.twin import seed_004
from gpucarve.twin.machine import Hardware, PciDevice, VgpuDriver
from gpucarve.twin.nodes import File, Node

HOSTNAME = "computegpu001"
_NVIDIAS = ("/usr/bin/nvidia-smi", "/usr/bin/mdevctl", "/usr/lib/nvidia/sriov-manage")
_UNASKED = ("/etc/modprobe.d/blacklist-nouveau.conf", "/usr/lib/udev/rules.d/60-mdevctl.rules")

_GRUB = """\
# If you change this file, run 'update-grub' afterwards.
GRUB_DEFAULT=0
GRUB_TIMEOUT=5
GRUB_DISTRIBUTOR=`lsb_release -i -s 2> /dev/null || echo Debian`
GRUB_CMDLINE_LINUX_DEFAULT="quiet"
GRUB_CMDLINE_LINUX="console=tty0 console=ttyS0,115200n8"
"""

_TEXTS = {
    f"/boot/config-{seed_004.KERNEL}": "CONFIG_AMD_IOMMU=y\nCONFIG_VFIO_PCI=m\n",
    "/etc/default/grub": _GRUB,
    "/etc/initramfs-tools/conf.d/splash": "FRAMEBUFFER=y\n",  # brings every graphics driver into the image
    "/etc/hostname": f"{HOSTNAME}\n",
    "/etc/hosts": f"127.0.0.1\tlocalhost\n10.60.1.21\t{HOSTNAME}\n",
}


def stored() -> dict[str, Node]:
    """The disk before the first update-grub."""
    left_out = (*_NVIDIAS, *_UNASKED)
    nodes = {path: node for path, node in seed_004.stored().items() if path not in left_out}
    return nodes | {path: File(text.encode()) for path, text in _TEXTS.items()}


def hardware() -> Hardware:
    """The machine itself."""
    cpu = "AMD EPYC 7543 32-Core Processor"
    return Hardware(HOSTNAME, seed_004.KERNEL, "AuthenticAMD", cpu, 4, _DEVICES, VgpuDriver("", {}))


def _port(bus: str, slot: str, node: int) -> PciDevice:
    return PciDevice(
        f"0000:{bus}:{slot}", f"pci0000:{bus}/0000:{bus}:{slot}", "1022", "1483", "060400",
        "Starship/Matisse GPP Bridge", subsystem_vendor="1022", subsystem_device="1453", numa_node=node,
        driver="pcieport",
    )  # fmt: skip


def _quadro(function: int, device: str, pci_class: str, name: str, used_by: str) -> PciDevice:
    gpu = function == 0
    return PciDevice(
        f"0000:41:00.{function}", f"pci0000:40/0000:40:01.1/0000:41:00.{function}", "10de", device, pci_class, name,
        product="Quadro RTX 6000" if gpu else "", subsystem_vendor="10de", subsystem_device="12ba", driver=used_by,
        isolation="quadro", memory_mib=24576 if gpu else 0,
        uuid="GPU-4c7d0a5e-91f3-4b7a-8a52-41a0c0ffee41" if gpu else "",
    )  # fmt: skip


_DEVICES = (
    PciDevice(
        "0000:00:00.0", "pci0000:00/0000:00:00.0", "1022", "1480", "060000", "Starship/Matisse Root Complex",
        subsystem_vendor="1022", subsystem_device="1480",
    ),
    PciDevice(
        "0000:03:00.0", "pci0000:00/0000:00:05.1/0000:02:00.0/0000:03:00.0", "1a03", "2000", "030000",
        "ASPEED Graphics Family", subsystem_vendor="1a03", subsystem_device="2000", driver="ast", boot_vga=True,
    ),
    _port("40", "01.1", 0),
    _quadro(0, "1e30", "030000", "TU102GL [Quadro RTX 6000/8000]", "nouveau"),
    _quadro(1, "10f7", "040300", "TU102 High Definition Audio Controller", "snd_hda_intel"),
    _quadro(2, "1ad6", "0c0330", "TU102 USB 3.1 Host Controller", "xhci_hcd"),
    _quadro(3, "1ad7", "0c8000", "TU102 USB Type-C UCSI Controller", "nvidia-gpu"),
    _port("80", "03.1", 1),
    PciDevice(
        "0000:81:00.0", "pci0000:80/0000:80:03.1/0000:81:00.0", "10de", "1eb8", "030200", "TU104GL [Tesla T4]",
        product="Tesla T4", subsystem_vendor="10de", subsystem_device="12a2", numa_node=1, driver="nouveau",
        total_vfs=16, vf_offset=4, memory_mib=16384, uuid="GPU-70f5d5a1-2b94-4c0e-b7d3-81a0c0ffee81",
    ),
    _port("c0", "01.1", 1),
    PciDevice(
        "0000:c1:00.0", "pci0000:c0/0000:c0:01.1/0000:c1:00.0", "144d", "a824", "010802",
        "NVMe SSD Controller PM173X", subsystem_vendor="144d", subsystem_device="a801", numa_node=1, driver="nvme",
    ),
)  # fmt: skip
