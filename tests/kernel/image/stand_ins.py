"""The stand-ins that are compiled: the test driver, its nvidia-smi, and nouveau's; built and put into the guest's tree.

What the driver's own stand-in for an installer brings is kept in `/usr/share/nvidia-double` too, so that a guest can
be without the driver and get it again.
"""

import shutil
from pathlib import Path

from tests.kernel.image import tables
from tests.kernel.image.cache import HERE
from tests.kernel.image.progress import run

_PAYLOAD = "usr/share/nvidia-double"
_SRIOV_MANAGE = "usr/lib/nvidia/sriov-manage"
_GCC = ("gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-static", "-s", "-D_GNU_SOURCE")


def add(root: Path, release: str, work: Path, log: Path) -> None:
    """Compile for the guest's kernel `release` in the folder `work`, and lay everything where programs look for it."""
    sources = work / "module"
    shutil.copytree(HERE / "module", sources)
    (sources / "tables.h").write_text(tables.header(), encoding="ascii")
    run(("make", "-C", f"/usr/src/linux-headers-{release}", f"M={sources}", "modules"), log=log)
    tool = sources / "nvidia-smi"
    run((*_GCC, "-o", tool, *sorted((HERE / "tools" / "nvidia-smi").glob("*.c"))), log=log)

    payload, nouveau = root / _PAYLOAD, root / "usr/share/nouveau-stand-in"
    modules = root / "lib" / "modules" / release
    # The driver keeps a board's infoROM as a file and makes no folder.
    inforom = root / "var/lib/nvidia-double/inforom"
    for folder in (payload, nouveau, modules / "extra", modules / "updates", inforom):
        folder.mkdir(parents=True)
    run(("strip", "--strip-debug", "-o", payload / "nvidia.ko", sources / "nvidia.ko"), log=log)
    run(("strip", "--strip-debug", "-o", nouveau / "nouveau.ko", sources / "nouveau.ko"), log=log)
    shutil.copy(tool, payload)
    shutil.copy(HERE / "guest" / _SRIOV_MANAGE, payload)
    shutil.copy(payload / "nvidia.ko", modules / "extra")
    shutil.copy(nouveau / "nouveau.ko", modules / "updates")
    shutil.copy(tool, root / "usr" / "bin")
    run(("chroot", root, "depmod", release), log=log)
    shutil.rmtree(sources)
