"""Make the guest's root file system: Debian's packages, the overlay in `guest/`, users and keys.

The result is a plain folder; nothing of it runs before the first boot except package scripts in mmdebstrap's chroot.
"""

import shutil
from pathlib import Path

from tests.kernel.image import host
from tests.kernel.image.cache import HERE
from tests.kernel.image.progress import read, run

PACKAGES = (
    "ca-certificates",
    "dbus",
    "driverctl",
    "e2fsprogs",
    "grub-pc",
    "initramfs-tools",
    "iproute2",
    "kmod",
    "libvirt-daemon-system",
    "linux-image-amd64",
    "mdevctl",
    "openssh-server",
    "pciutils",
    "procps",
    "qemu-system-x86",
    "sudo",
    "systemd-container",  # machined, which gives each guest of libvirt's its scope
    "systemd-sysv",
    "udev",
    "uuid-runtime",
    "zstd",
)

# Driver trees the guest's hardware never asks for.
UNUSED_MODULES = (
    "drivers/accel",
    "drivers/ata",
    "drivers/bluetooth",
    "drivers/comedi",
    "drivers/gpu/drm",
    "drivers/hid",
    "drivers/hwmon",
    "drivers/iio",
    "drivers/infiniband",
    "drivers/input/touchscreen",
    "drivers/isdn",
    "drivers/md",
    "drivers/media",
    "drivers/mfd",
    "drivers/mtd",
    "drivers/net/can",
    "drivers/net/ethernet",
    "drivers/net/wireless",
    "drivers/scsi",
    "drivers/staging",
    "drivers/target",
    "drivers/usb",
    "drivers/w1",
    "fs/btrfs",
    "fs/ceph",
    "fs/f2fs",
    "fs/ocfs2",
    "fs/xfs",
    "net/bluetooth",
    "net/can",
    "net/wireless",
    "sound",
)

# What guests of the guest never ask for: firmware of other machines, and names of countries.
UNUSED_FILES = (
    "/usr/bin/qemu-system-x86_64-microvm",
    "/usr/share/iso-codes/*",
    "/usr/share/qemu/*openbios*",
    "/usr/share/qemu/*.lid",
    "/usr/share/qemu/slof.bin",
    "/usr/share/xml/iso-codes/*",
)

# Debian's own nouveau, and what it depends on.
KEPT_MODULES = (
    "drivers/gpu/drm/drm*",
    "drivers/gpu/drm/display/*",
    "drivers/gpu/drm/nouveau/*",
    "drivers/gpu/drm/scheduler/*",
    "drivers/gpu/drm/ttm/*",
    "drivers/media/cec/*",
    "drivers/media/rc/rc-core.ko",
)

# What no story here needs. Under emulation a process that is started costs a tenth of a second of a boot, or more.
MASKED_UNITS = (
    "apt-daily-upgrade.timer",
    "apt-daily.timer",
    "dev-hugepages.mount",
    "dev-mqueue.mount",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "getty@tty1.service",
    "kmod-static-nodes.service",
    "logrotate.timer",
    "modprobe@configfs.service",
    "modprobe@dm_mod.service",
    "modprobe@drm.service",
    "modprobe@efi_pstore.service",
    "modprobe@fuse.service",
    "modprobe@loop.service",
    "proc-sys-fs-binfmt_misc.automount",
    "serial-getty@ttyS0.service",
    "sys-fs-fuse-connections.mount",
    "sys-kernel-config.mount",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "systemd-binfmt.service",
    "systemd-network-generator.service",
    "systemd-networkd-wait-online.service",
    "systemd-pstore.service",
    "systemd-random-seed.service",
    "systemd-sysusers.service",
    "systemd-timesyncd.service",
    "systemd-update-utmp.service",
)

# A test that wants libvirt starts it, so that no boot waits for it; its own network needs programs that are not here.
DISABLED_UNITS = (
    "libvirt-guests.service",
    "libvirtd-admin.socket",
    "libvirtd-ro.socket",
    "libvirtd.service",
    "libvirtd.socket",
    "machines.target",
    "virtlockd-admin.socket",
    "virtlockd.socket",
    "virtlogd-admin.socket",
    "virtlogd.socket",
)
LIBVIRT_NETWORK = "etc/libvirt/qemu/networks/autostart/default.xml"

# Started when libvirt asks for them, and not at boot.
ON_DEMAND = ("dbus.service", "systemd-logind.service")

USERS = ("admin", "locked")


def debootstrap(root: Path, log: Path) -> str:
    """Install Debian into the empty path `root`; returns the guest's kernel release, such as `6.1.0-56-amd64`."""
    excludes = [f"/lib/modules/*/kernel/{tree}/*" for tree in UNUSED_MODULES]
    excludes += ["/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/info/*", *UNUSED_FILES]
    # The initramfs settings have to be there before the kernel's package builds its first one.
    settings = HERE / "guest" / "etc" / "initramfs-tools"
    options = [
        "--mode=root",
        "--variant=minbase",
        f"--include={','.join(PACKAGES)}",
        '--essential-hook=mkdir -p "$1/etc/initramfs-tools/conf.d"',
        f"--essential-hook=copy-in {settings / 'modules'} /etc/initramfs-tools",
        f"--essential-hook=copy-in {settings / 'conf.d' / 'bench'} /etc/initramfs-tools/conf.d",
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in excludes),
        *(f"--dpkgopt=path-include=/lib/modules/*/kernel/{pattern}" for pattern in KEPT_MODULES),
    ]
    run(("mmdebstrap", *options, host.RELEASE, root, *host.archives("deb")), log=log)
    (release,) = (path.name for path in (root / "lib" / "modules").iterdir())
    return release


def configure(root: Path, keys: Path, log: Path) -> None:
    """Lay the overlay over the tree and make users, units and keys; the key pairs are left in `keys`."""
    for source in sorted(path for path in (HERE / "guest").rglob("*") if path.is_file()):
        target = root / source.relative_to(HERE / "guest")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        target.chmod(0o755 if source.stat().st_mode & 0o100 else 0o644)
    (root / "etc" / "sudoers.d" / "bench").chmod(0o440)
    for user in USERS:
        run(("chroot", root, "useradd", "--create-home", "--shell", "/bin/bash", user), log=log)
    run(("chroot", root, "systemctl", "enable", "systemd-networkd.service"), log=log)
    run(("chroot", root, "systemctl", "mask", *MASKED_UNITS), log=log)
    run(("chroot", root, "systemctl", "disable", *DISABLED_UNITS), log=log)
    for unit in ON_DEMAND:
        (root / "usr/lib/systemd/system/multi-user.target.wants" / unit).unlink()
    # A login without a session of logind's: each first one would start a manager of units for its user.
    run(("chroot", root, "pam-auth-update", "--package", "--remove", "systemd"), log=log)
    (root / LIBVIRT_NETWORK).unlink(missing_ok=True)
    _make_keys(root, keys, log)


def _make_keys(root: Path, keys: Path, log: Path) -> None:
    for name in ("client_key", "host_key"):
        run(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"kernel bench {name}", "-f", keys / name), log=log)
    ssh = root / "etc" / "ssh"
    for old in ssh.glob("ssh_host_*"):
        old.unlink()
    (keys / "host_key").rename(ssh / "ssh_host_ed25519_key")
    shutil.copyfile(keys / "host_key.pub", ssh / "ssh_host_ed25519_key.pub")
    for user, home in (("root", "root"), *((user, f"home/{user}") for user in USERS)):
        folder = root / home / ".ssh"
        folder.mkdir(mode=0o700, exist_ok=True)
        shutil.copyfile(keys / "client_key.pub", folder / "authorized_keys")
        run(("chroot", root, "chown", "-R", f"{user}:{user}", f"/{home}/.ssh"), log=log)


def package_versions(root: Path) -> dict[str, str]:
    """Each installed package of the guest with its version."""
    admin = root / "var" / "lib" / "dpkg"
    rows = read(("dpkg-query", f"--admindir={admin}", "--show", "--showformat=${Package} ${Version}\n"))
    return dict(line.split(" ", 1) for line in rows.splitlines())
