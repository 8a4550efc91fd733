"""The built-in machine: an Intel host with two A100 PCIe 80GB before anyone has touched it.

GPUs at 0000:17:00.0 and 0000:65:00.0 as in the StackHPC Kayobe guide for vGPU; IOMMU off on the command line, no VFs,
the vGPU host driver 525.105.14 in place, and what else stands on such a host and must not be disturbed.

Boundary: data; nothing is simulated here.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from gpucarve.twin import snapshots
from gpucarve.twin.commands import TABLE
from gpucarve.twin.machine import Hardware, PciDevice, VgpuDriver
from gpucarve.twin.nodes import Directory, File, Link, Node

KERNEL = "6.1.0-18-amd64"
_ROOT = "5d1c6f0e-2b53-4a8e-9d0c-7f6f9a3b1e44"
_STORED_DRIVER = "vgpu_driver_525.105.14.json"

_GRUB = """\
# If you change this file, run 'update-grub' afterwards.
GRUB_DEFAULT=0
GRUB_TIMEOUT=5
GRUB_DISTRIBUTOR=`lsb_release -i -s 2> /dev/null || echo Debian`
GRUB_CMDLINE_LINUX_DEFAULT="quiet intel_iommu=off"
GRUB_CMDLINE_LINUX="console=tty0 console=ttyS0,115200n8 crashkernel=512M"
"""

_MDEVCTL_RULE = """\
ACTION=="change", ENV{MDEV_STATE}=="registered", TEST=="/etc/mdevctl.d/$kernel", \\
  RUN+="/usr/sbin/mdevctl start-parent-mdevs %k"
"""

_TEXTS = {
    "/boot/config-6.1.0-18-amd64": "CONFIG_INTEL_IOMMU=y\nCONFIG_VFIO_MDEV=m\n",
    "/etc/default/grub": _GRUB,
    "/etc/fstab": f"UUID={_ROOT} / ext4 errors=remount-ro 0 1\n",
    "/etc/hostname": "computegpu000\n",
    "/etc/hosts": "127.0.0.1\tlocalhost\n10.60.1.20\tcomputegpu000\n",
    "/etc/modprobe.d/blacklist-nouveau.conf": "blacklist nouveau\noptions nouveau modeset=0\n",
    "/etc/modules-load.d/openvswitch.conf": "openvswitch\n",
    "/etc/sysctl.d/90-hugepages.conf": "vm.nr_hugepages = 2048\n",
    "/etc/systemd/system/node-exporter.service": (
        "[Unit]\nDescription=Prometheus node exporter\n\n[Service]\nExecStart=/usr/local/bin/node_exporter\n\n"
        "[Install]\nWantedBy=multi-user.target\n"
    ),
    "/usr/lib/os-release": (
        'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\n'
        'VERSION="12 (bookworm)"\nVERSION_CODENAME=bookworm\nID=debian\n'
    ),
    "/usr/lib/udev/rules.d/60-mdevctl.rules": _MDEVCTL_RULE,
}

_LINKS = {
    "/bin": "usr/bin",
    "/lib": "usr/lib",
    "/sbin": "usr/sbin",
    "/etc/os-release": "../usr/lib/os-release",
    "/etc/systemd/system/multi-user.target.wants/node-exporter.service": "/etc/systemd/system/node-exporter.service",
}

# Debian makes its images with initramfs-tools, and its menu with update-grub.
_OTHER_FAMILY = ("/usr/bin/dracut", "/usr/bin/lsinitrd", "/usr/sbin/grubby", "/usr/bin/grub2-editenv")

_FOLDERS = {
    "/boot/grub": 0o755,
    "/etc/default/grub.d": 0o755,
    "/etc/mdevctl.d": 0o755,
    "/etc/mdevctl.d/scripts.d": 0o755,
    "/etc/mdevctl.d/scripts.d/callouts": 0o755,
    "/etc/mdevctl.d/scripts.d/notifiers": 0o755,
    "/etc/initramfs-tools/conf.d": 0o755,
    "/etc/modprobe.d": 0o755,
    "/etc/modules-load.d": 0o755,
    "/etc/udev/rules.d": 0o755,
    "/root": 0o700,
    "/run": 0o755,
    "/srv": 0o755,
    "/tmp": 0o1777,  # noqa: S108  # a folder of the simulated machine
    "/usr/local/bin": 0o755,
    "/usr/local/sbin": 0o755,
    "/usr/sbin": 0o755,
    "/var/lib": 0o755,
}

# The node of the same machine as others made it: manager, subresource, fields.
NODE: tuple[tuple[str, str, dict[str, Any]], ...] = (
    (
        "kubelet",
        "",
        {
            "metadata": {
                "labels": {"kubernetes.io/hostname": "computegpu000", "kubernetes.io/arch": "amd64"},
                "annotations": {"volumes.kubernetes.io/controller-managed-attach-detach": "true"},
            },
            "spec": {"podCIDR": "10.244.3.0/24"},
        },
    ),
    (
        "kubelet",
        "status",
        {
            "status": {
                "allocatable": {"cpu": "64", "memory": "527921876Ki", "pods": "110"},
                "capacity": {"cpu": "64", "memory": "528024276Ki", "pods": "110"},
                "conditions": [{"type": "Ready", "status": "True"}],
            }
        },
    ),
    (
        "nfd-master",
        "",
        {
            "metadata": {
                "labels": {
                    "feature.node.kubernetes.io/pci-10de.present": "true",
                    "feature.node.kubernetes.io/cpu-model.vendor_id": "Intel",
                },
                "annotations": {"nfd.node.kubernetes.io/feature-labels": "pci-10de.present,cpu-model.vendor_id"},
            }
        },
    ),
    (
        "rack-inventory",
        "",
        {"metadata": {"labels": {"example.org/rack": "b07"}}, "spec": {"providerID": "ironic://b07-12"}},
    ),
)


def stored() -> dict[str, Node]:
    """The disk before the first update-grub."""
    nodes: dict[str, Node] = {path: Directory(mode) for path, mode in _FOLDERS.items()}
    nodes |= {path: File(text.encode()) for path, text in _TEXTS.items()}
    nodes |= {path: Link(target) for path, target in _LINKS.items()}
    nodes |= {path: File(b"\x7fELF", 0o755) for path in TABLE if path not in _OTHER_FAMILY}
    nodes[f"/boot/vmlinuz-{KERNEL}"] = File(b"kernel")
    nodes[f"/boot/initrd.img-{KERNEL}"] = File(b"initrd")
    nodes["/etc/shadow"] = File(b"root:*:19700:0:99999:7:::\n", 0o640, 0, 42)
    nodes["/etc/ssh/ssh_host_ed25519_key"] = File(b"host key of the simulated machine\n", 0o600)
    return nodes


def hardware() -> Hardware:
    """The machine itself."""
    return Hardware(
        "computegpu000", KERNEL, "GenuineIntel", "Intel(R) Xeon(R) Gold 6354 CPU @ 3.00GHz", 4, _DEVICES, driver()
    )


def driver() -> VgpuDriver:
    """The types that this driver offers, from its data file."""
    data = json.loads(files("gpucarve.twin").joinpath("data", _STORED_DRIVER).read_text())
    return snapshots.from_json(VgpuDriver, {"version": data["version"], "types": data["types"]})


def _gpu(bus: str, root: str, node: int, uuid: str) -> PciDevice:
    return PciDevice(
        address=f"0000:{bus}:00.0",
        path=f"pci0000:{root}/0000:{root}:00.0/0000:{bus}:00.0",
        vendor="10de",
        device="20b5",
        pci_class="030200",
        name="GA100 [A100 PCIe 80GB]",
        product="NVIDIA A100 80GB PCIe",
        subsystem_vendor="10de",
        subsystem_device="1533",
        numa_node=node,
        driver="nvidia",
        total_vfs=16,
        vf_offset=4,
        memory_mib=81920,
        uuid=uuid,
    )


def _port(root: str, node: int) -> PciDevice:
    return PciDevice(
        f"0000:{root}:00.0", f"pci0000:{root}/0000:{root}:00.0", "8086", "347a", "060400", "PCI Express Root Port",
        subsystem_vendor="8086", numa_node=node, driver="pcieport",
    )  # fmt: skip


def _onboard(slot: str, device: str, pci_class: str, name: str, used_by: str) -> PciDevice:
    return PciDevice(
        f"0000:00:{slot}", f"pci0000:00/0000:00:{slot}", "8086", device, pci_class, name,
        subsystem_vendor="1028", subsystem_device="0a6b", driver=used_by,
    )  # fmt: skip


def _nic(function: int) -> PciDevice:
    return PciDevice(
        f"0000:31:00.{function}", f"pci0000:30/0000:30:00.0/0000:31:00.{function}", "8086", "1572", "020000",
        "Ethernet Controller X710 for 10GbE SFP+",
        subsystem_vendor="8086", subsystem_device="0006", driver="i40e", isolation=f"port {function}",
        total_vfs=64, vf_offset=16,
    )  # fmt: skip


_DEVICES = (
    _onboard("00.0", "09a2", "088000", "Ice Lake Memory Map/VT-d", ""),
    _onboard("1f.0", "a1c8", "060100", "C620 Series Chipset LPC Controller", ""),
    _onboard("1f.4", "a1a3", "0c0500", "C620 Series Chipset SMBus", "i801_smbus"),
    _onboard("1f.5", "a1a4", "0c8000", "C620 Series Chipset SPI Controller", ""),
    _port("16", 0),
    _gpu("17", "16", 0, "GPU-1d3f1f4c-6a0b-4c7e-9b57-17a0c0ffee17"),
    _port("30", 0),
    _nic(0),
    _nic(1),
    _port("64", 1),
    _gpu("65", "64", 1, "GPU-8b9f4e02-2c35-4f0d-8e11-65a0c0ffee65"),
    PciDevice(
        "0000:03:00.0",
        "pci0000:00/0000:00:1c.4/0000:03:00.0",
        "102b",
        "0536",
        "030000",
        "Integrated Matrox G200eW3",
        subsystem_vendor="1028",
        subsystem_device="0a6b",
        driver="mgag200",
        boot_vga=True,
    ),
    PciDevice(
        "0000:5e:00.0",
        "pci0000:5d/0000:5d:00.0/0000:5e:00.0",
        "144d",
        "a824",
        "010802",
        "NVMe SSD Controller PM173X",
        subsystem_vendor="1028",
        subsystem_device="2181",
        driver="nvme",
    ),
)
