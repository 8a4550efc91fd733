"""The 18 idempotent steps of a GPU host, as data: every tool is given this one list.

Boundary: what is to stand below `ROOT`; how a tool says it is `scripts`, `playbooks`, `deploys` and `carving`.
"""

from __future__ import annotations

from dataclasses import dataclass

ROOT = "/mnt/root"  # in each host's own mount namespace: the directory of that host


@dataclass(frozen=True, slots=True)
class Kernel:
    """Ask which kernel runs; changes nothing."""


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory of mode 0755 and its parents."""

    path: str


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file of mode 0644 with exactly this content."""

    path: str
    content: str


@dataclass(frozen=True, slots=True)
class Line:
    """In a file that is there, the one line that begins with `start` is `start` + `rest`."""

    path: str
    start: str
    rest: str


@dataclass(frozen=True, slots=True)
class SymbolicLink:
    """A symbolic link that holds `target`."""

    path: str
    target: str


Step = Kernel | Directory | TextFile | Line | SymbolicLink

_MIG = """\
version: v1
mig-configs:
  vdi:
    - devices: all
      mig-enabled: true
      mig-devices: {"2g.20gb": 3}
"""
_UNIT = """\
[Unit]
Description=vGPUs of this host
After=nvidia-vgpu-mgr.service
Before=libvirtd.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/vgpus-start

[Install]
WantedBy=multi-user.target
"""
_VFIO_RULE = 'SUBSYSTEM=="vfio", OWNER="root", GROUP="kvm", MODE="0660"\n'

STEPS: tuple[Step, ...] = (
    Kernel(),
    *(
        Directory(f"{ROOT}/{name}")
        for name in (
            "etc/modprobe.d",
            "etc/modules-load.d",
            "etc/dracut.conf.d",
            "etc/udev/rules.d",
            "etc/nvidia-mig-manager",
            "etc/systemd/system",
            "etc/systemd/system/multi-user.target.wants",
            "var/lib/vgpus",
        )
    ),
    TextFile(f"{ROOT}/etc/modprobe.d/nouveau.conf", "blacklist nouveau\noptions nouveau modeset=0\n"),
    TextFile(f"{ROOT}/etc/modprobe.d/vfio.conf", "options vfio-pci ids=10de:20f1,10de:2236\n"),
    TextFile(f"{ROOT}/etc/modules-load.d/vfio.conf", "vfio\nvfio_iommu_type1\nvfio_pci\n"),
    TextFile(f"{ROOT}/etc/dracut.conf.d/vfio.conf", 'add_drivers+=" vfio vfio_iommu_type1 vfio_pci "\n'),
    TextFile(f"{ROOT}/etc/udev/rules.d/60-vfio.rules", _VFIO_RULE),
    TextFile(f"{ROOT}/etc/nvidia-mig-manager/config.yaml", _MIG),
    TextFile(f"{ROOT}/etc/systemd/system/vgpus.service", _UNIT),
    Line(f"{ROOT}/etc/default/grub", "GRUB_CMDLINE_LINUX=", '"quiet intel_iommu=on iommu=pt"'),
    SymbolicLink(f"{ROOT}/etc/systemd/system/multi-user.target.wants/vgpus.service", "../vgpus.service"),
)

# What a host has before the first step, below its root.
BARE = {"etc/default/grub": 'GRUB_DEFAULT=0\nGRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX="quiet"\n'}
