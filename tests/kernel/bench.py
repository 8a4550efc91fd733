"""The built bench: its files, and how its place in the cache follows from the sources and the installed QEMU.

Nothing here builds; `tests.kernel.image.build` does.
"""

from dataclasses import dataclass
from pathlib import Path

from tests.kernel import machine
from tests.kernel.image import tables
from tests.kernel.image.cache import entry, key
from tests.kernel.image.host import qemu_version
from tests.kernel.image.qemu_device import OBJECT, device_key

CLEAN = "clean"
IOMMU_ON = "iommu-on"

GPU = machine.A100_GPU


@dataclass(frozen=True, slots=True)
class Bench:
    """Files of one built bench.

    The disk holds a snapshot `clean` of the booted, bare host of topology `a100`, and the disk alone of a host whose
    boot menu has the IOMMU on, `iommu-on`, for any topology to boot from.
    """

    folder: Path

    @property
    def disk(self) -> Path:
        """The qcow2 image; copied for each guest, never written."""
        return self.folder / "disk.qcow2"

    @property
    def preload(self) -> Path:
        """The shared object with the GPU double, for QEMU's LD_PRELOAD."""
        return self.folder / OBJECT

    @property
    def client_key(self) -> Path:
        """Private key that all users of the guest accept; each guest has its own copy, fit for ssh."""
        return self.folder / "client_key"

    @property
    def host_key(self) -> str:
        """The guest's public host key as `ssh-ed25519 BASE64`."""
        return " ".join((self.folder / "host_key.pub").read_text(encoding="ascii").split()[:2])


def disk_key() -> str:
    """Cache name of the disk that was never booted."""
    sources = ("guest", "module", "tools", "root_fs.py", "boot_disk.py", "stand_ins.py", "tables.py")
    return key("disk", sources=sources, facts=(tables.header(),))


def bench_key(qemu: str) -> str:
    """Cache name of the booted bench for this QEMU on this machine's accelerator."""
    parts = (disk_key(), device_key(qemu), qemu, *machine.hardware(machine.A100))
    return key("bench", sources=("first_boot.py",), facts=parts)


def find_bench() -> Bench | None:
    """The bench for the installed QEMU, if it is in the cache. Needs no network, no package index, no root."""
    qemu = qemu_version()
    found = entry(bench_key(qemu)) if qemu else None
    return Bench(found) if found else None
