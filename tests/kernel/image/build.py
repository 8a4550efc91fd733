"""Build the kernel bench, or say that it is there: `python -m tests.kernel.image.build [--fresh] [--prune]`.

Three entries of the cache, each rebuilt only when what goes into it has changed: the QEMU device, the disk, and the
bench, which is the disk after its first boot together with everything needed to start it.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path

from tests.kernel.bench import Bench, bench_key, disk_key, find_bench
from tests.kernel.image import boot_disk, host, qemu_device, root_fs, stand_ins
from tests.kernel.image.cache import cache_root, obtain, prune
from tests.kernel.image.first_boot import first_boot, write_manifest
from tests.kernel.image.progress import StepFailed, run, say, step

_KEPT = ("client_key", "client_key.pub", "host_key.pub")


def main() -> int:
    """Exit status 0 with a bench in the cache, 1 where a step failed, 77 where this machine or user cannot build."""
    parser = argparse.ArgumentParser(prog="python -m tests.kernel.image.build", description=__doc__)
    parser.add_argument("--fresh", action="store_true", help="build anew, with the newest packages of the guest")
    parser.add_argument("--prune", action="store_true", help="then remove all other entries of the cache")
    options = parser.parse_args()
    found = find_bench()
    if found is not None and not options.fresh:
        say(f"the kernel bench is in the cache: {found.folder}")
    else:
        status = _build_here(options.fresh)
        if status != 0:
            return status
    if options.prune:
        _prune()
    return 0


def _build_here(fresh: bool) -> int:
    obstacles = host.obstacles()
    if obstacles:
        sys.stderr.writelines(f"{line}\n" for line in obstacles)
        return 77
    try:
        bench = _build(fresh)
    except StepFailed as error:
        sys.stderr.write(f"{error}\n")
        return 1
    say(f"the kernel bench is built: {bench.folder}")
    return 0


def _prune() -> None:
    qemu = host.qemu_version()
    if qemu is not None:
        for name in prune((qemu_device.device_key(qemu), disk_key(), bench_key(qemu))):
            say(f"removed {name}")


def _build(fresh: bool) -> Bench:
    root = cache_root()
    root.mkdir(parents=True, exist_ok=True)
    log = root / "host-packages.log"
    with step("tools of this machine"):
        run(("apt-get", "-q", "update"), log=log)
        host.install(host.PACKAGES, log)
    qemu = host.qemu_version()
    if qemu is None:
        raise StepFailed("qemu-system-x86 is installed, but there is no qemu-system-x86_64")
    device = obtain(qemu_device.device_key(qemu), _make_device)
    disk = obtain(disk_key(), _make_disk, fresh=fresh)
    return Bench(obtain(bench_key(qemu), lambda folder: _make_bench(folder, device, disk, qemu), fresh=fresh))


def _make_device(folder: Path) -> None:
    with step("QEMU device, from the headers of the installed QEMU"):
        qemu_device.make_device(folder)


def _make_disk(folder: Path) -> None:
    log, root = folder / "build.log", folder / "root"
    with step("root file system of the guest"):
        release = root_fs.debootstrap(root, log)
    with step(f"stand-ins for kernel {release}"):
        host.install((f"linux-headers-{release}",), log)
        stand_ins.add(root, release, folder, log)
    with step("users, keys, settings"):
        root_fs.configure(root, folder, log)
        versions = json.dumps(root_fs.package_versions(root))
        (folder / "packages.json").write_text(versions, encoding="utf-8")
    with step("bootable disk"):
        boot_disk.write_disk(root, folder / "disk.qcow2", log)
        shutil.rmtree(root)


def _make_bench(folder: Path, device: Path, disk: Path, qemu: str) -> None:
    for source in (device / qemu_device.OBJECT, *(disk / name for name in _KEPT), disk / "disk.qcow2"):
        shutil.copy(source, folder)
    (folder / "client_key").chmod(0o644)
    packages = json.loads((disk / "packages.json").read_text(encoding="utf-8"))
    write_manifest(folder, packages, qemu)
    first_boot(Bench(folder))


if __name__ == "__main__":
    sys.exit(main())
