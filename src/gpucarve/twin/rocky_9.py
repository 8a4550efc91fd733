"""Hosts of the other family: Rocky Linux 9 with boot loader entries, grubby, dracut and SELinux enforcing.

The boards are those of the other built-in machines: two A100 behind an Intel CPU, a Quadro RTX 6000 and a T4 behind an
AMD one. What differs is the disk: no menu of GRUB's and no update-grub, but an entry a kernel, and images by dracut,
which takes in the drivers of the displays that there are, so nouveau too.

Boundary: data; nothing is simulated here. Sources: an installation's layout as in 20-grub.install and 10_linux of
grub2 2.06 (what entries and /etc/kernel/cmdline hold), dracut(8).
"""

from __future__ import annotations

from dataclasses import replace

from gpucarve.twin import entries, seed_004, seed_004_amd
from gpucarve.twin.commands import TABLE
from gpucarve.twin.machine import Hardware
from gpucarve.twin.nodes import Directory, File, Node

VGPUS, PASSTHROUGH = "rocky-a100", "rocky-quadro"
KERNEL = "5.14.0-427.13.1.el9_4.x86_64"
_MACHINE = "1f0e3dad99908345f7439f8ffabdffc4"
_OF_DEBIAN = (
    "/boot/grub",
    "/etc/default/grub",
    "/etc/initramfs-tools",
    "/boot/vmlinuz-",
    "/boot/initrd.img-",
    "/boot/config-",
)
_TOOLS_OF_DEBIAN = ("/usr/sbin/update-grub", "/usr/sbin/update-initramfs", "/usr/bin/lsinitramfs")
_CRASH = "crashkernel=1G-4G:192M,4G-64G:256M,64G-:512M"
_GIVEN = f"{_CRASH} rd.lvm.lv=rl/root console=tty0 console=ttyS0,115200n8"
ARGUMENTS = f"root=/dev/mapper/rl-root ro {_GIVEN}"

_DEFAULTS = f"""\
GRUB_TIMEOUT=5
GRUB_DEFAULT=saved
GRUB_DISABLE_SUBMENU=true
GRUB_CMDLINE_LINUX="{_GIVEN}"
GRUB_DISABLE_RECOVERY="true"
GRUB_ENABLE_BLSCFG=true
"""


def entry(kernel: str, words: str) -> bytes:
    """A boot loader entry for a kernel of this machine."""
    return f"""\
title Rocky Linux ({kernel}) 9.4 (Blue Onyx)
version {kernel}
linux /vmlinuz-{kernel}
initrd /initramfs-{kernel}.img $tuned_initrd
options {words} $tuned_params
grub_users $grub_users
grub_arg --unrestricted
grub_class rocky
""".encode()


def entry_of(kernel: str) -> str:
    """Where the entry for a kernel stands."""
    return entries.path(f"{_MACHINE}-{kernel}")


HOSTONLY = "/usr/lib/dracut/dracut.conf.d/01-dist.conf"  # an image is for its host alone, unless its owner says else
RUNNING, RESCUE = entry_of(KERNEL), entry_of(f"0-rescue-{_MACHINE}")


def stored(hostname: str) -> dict[str, Node]:
    """The disk before dracut has made an image; of either host."""
    other = seed_004.stored() if hostname == VGPUS else seed_004_amd.stored()
    left_out = (*_OF_DEBIAN, *_TOOLS_OF_DEBIAN)
    nodes = {path: node for path, node in other.items() if not path.startswith(left_out)}
    nodes |= {
        path: File(b"\x7fELF", 0o755) for path in TABLE if path not in _TOOLS_OF_DEBIAN and path not in _missing(other)
    }
    nodes |= {
        path: Directory()
        for path in ("/boot/grub2", "/boot/loader", "/etc/default", "/etc/dracut.conf.d", "/etc/kernel")
    }
    texts = {
        "/etc/default/grub": _DEFAULTS.encode(),
        "/etc/fstab": b"/dev/mapper/rl-root / xfs defaults 0 0\n",
        "/etc/hostname": f"{hostname}\n".encode(),
        "/etc/hosts": f"127.0.0.1\tlocalhost\n10.60.1.30\t{hostname}\n".encode(),
        "/etc/kernel/cmdline": f"{ARGUMENTS} rhgb quiet\n".encode(),
        "/etc/machine-id": f"{_MACHINE}\n".encode(),
        HOSTONLY: b'hostonly="yes"\n',
        "/usr/lib/os-release": b'PRETTY_NAME="Rocky Linux 9.4 (Blue Onyx)"\nID="rocky"\nID_LIKE="rhel centos fedora"\n',
        entries.BLOCK: entries.block({"saved_entry": f"{_MACHINE}-{KERNEL}", "boot_success": "1"}),
        f"/boot/vmlinuz-{KERNEL}": b"kernel",
        RUNNING: entry(KERNEL, ARGUMENTS),
        RESCUE: entry(f"0-rescue-{_MACHINE}", ARGUMENTS),
    }
    return {**nodes, entries.FOLDER: Directory(0o700), **{path: File(text) for path, text in texts.items()}}


def _missing(other: dict[str, Node]) -> set[str]:
    """NVIDIA's programs where the other machine of the same boards has none."""
    return {path for path in TABLE if path in seed_004.stored() and path not in other}


def hardware(hostname: str) -> Hardware:
    """The machine itself, of either host."""
    other = seed_004.hardware() if hostname == VGPUS else seed_004_amd.hardware()
    return replace(other, hostname=hostname, kernel=KERNEL, selinux="enforcing")
