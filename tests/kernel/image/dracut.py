"""Debian's packages of dracut, for a guest that makes its initramfs with them: `python -m tests.kernel.image.dracut`.

They conflict with initramfs-tools, so they are in no image; a guest without a network gets them through ssh. Kept in
the cache beside the bench, by the names in PACKAGES.
"""

import sys
from pathlib import Path

from tests.kernel.image import host
from tests.kernel.image.cache import entry, key, obtain
from tests.kernel.image.progress import StepFailed, run, say

PACKAGES = ("dracut", "dracut-core", "kpartx")


def find_packages() -> tuple[Path, ...]:
    """The package files, or none where they are not in the cache."""
    found = entry(packages_key())
    return tuple(sorted(found.glob("*.deb"))) if found else ()


def packages_key() -> str:
    """Cache name of the packages."""
    return key("dracut", sources=(), facts=(host.RELEASE, *PACKAGES))


def _fetch(folder: Path) -> None:
    log = folder / "build.log"
    run(("apt-get", "-q", "update"), log=log)
    options = ("-q", "-o", "APT::Sandbox::User=root")  # apt's own user cannot write here
    run(("apt-get", *options, "download", *PACKAGES), log=log, cwd=folder)


def main() -> int:
    """Exit status 0 with the packages in the cache, 1 where they cannot be had, 77 where this machine cannot fetch."""
    obstacles = host.obstacles()
    if not find_packages() and obstacles:
        sys.stderr.writelines(f"{line}\n" for line in obstacles)
        return 77
    try:
        say(f"dracut's packages are in the cache: {obtain(packages_key(), _fetch)}")
    except StepFailed as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
