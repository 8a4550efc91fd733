"""Turn a root file system into a disk that a BIOS boots through GRUB, without loop devices or mounts.

GRUB's boot sector and core image are written into the gap before the only partition; the file system is filled by
mke2fs itself.
"""

import shutil
from pathlib import Path

from tests.kernel.image.progress import run

SIZE_MIB = 2048
_PARTITION_MIB = 1
_FILE_SYSTEM_UUID = "8d6f1a52-5b0c-4f0e-9a53-6f1f7cf0d8b1"
_BOOT_CODE_BYTES = 440
_SECTOR_BYTES = 512


def write_disk(root: Path, disk: Path, log: Path) -> None:
    """Write the tree `root` as a bootable qcow2 image `disk`."""
    modules = root / "usr" / "lib" / "grub" / "i386-pc"
    installed = root / "boot" / "grub" / "i386-pc"
    installed.mkdir(parents=True)
    for pattern in ("*.mod", "*.lst"):
        for path in modules.glob(pattern):
            shutil.copyfile(path, installed / path.name)
    core = ("-O", "i386-pc", "-p", "(hd0,msdos1)/boot/grub", "-o", "/boot/grub/i386-pc/core.img")
    run(("chroot", root, "grub-mkimage", *core, "biosdisk", "part_msdos", "ext2"), log=log)

    raw = disk.with_suffix(".raw")
    with raw.open("wb") as image:
        image.truncate(SIZE_MIB << 20)
    table = f"label: dos\nstart={_PARTITION_MIB}MiB, type=83, bootable\n"
    run(("sfdisk", "--quiet", raw), log=log, stdin=table)
    with raw.open("r+b") as image:
        image.write((modules / "boot.img").read_bytes()[:_BOOT_CODE_BYTES])
        image.seek(_SECTOR_BYTES)
        image.write((installed / "core.img").read_bytes())
    blocks = f"{(SIZE_MIB - _PARTITION_MIB) * 1024}k"
    options = ("-q", "-F", "-t", "ext4", "-L", "bench", "-U", _FILE_SYSTEM_UUID)
    run(("mke2fs", *options, "-E", f"offset={_PARTITION_MIB << 20}", "-d", root, raw, blocks), log=log)
    run(("qemu-img", "convert", "-q", "-O", "qcow2", raw, disk), log=log)
    raw.unlink()
