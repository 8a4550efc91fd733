"""What the builder needs of the machine it runs on: packages, Debian's archives, QEMU's version.

Only building needs this (root, Debian 12, an archive); a bench taken from the cache needs QEMU and ssh alone.
"""

import os
import re
import shutil
from pathlib import Path

from tests.kernel.image.progress import StepFailed, read, run, say

RELEASE = "bookworm"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

PACKAGES = (
    "build-essential",
    "debian-archive-keyring",
    "dpkg-dev",
    "e2fsprogs",
    "fdisk",
    "libelf-dev",
    "libfdt-dev",
    "libglib2.0-dev",
    "libpixman-1-dev",
    "meson",
    "mmdebstrap",
    "ninja-build",
    "openssh-client",
    "pkg-config",
    "qemu-system-x86",
    "qemu-utils",
    "util-linux",
)


def obstacles() -> list[str]:
    """Why the bench cannot be built here, one sentence each; empty when it can."""
    found = []
    if os.geteuid() != 0:
        found.append("building the bench's image needs root (package installation, chroot)")
    try:
        release = Path("/etc/os-release").read_text(encoding="utf-8")
    except OSError:
        release = ""
    if f"VERSION_CODENAME={RELEASE}" not in release or os.uname().machine != "x86_64":
        found.append(f"building the bench's image needs Debian 12 ({RELEASE}) on x86-64")
    if shutil.which("apt-get") is None:
        found.append("building the bench's image needs apt-get")
    return found


def qemu_version() -> str | None:
    """The first line of QEMU's version, which names Debian's build too; None where QEMU is absent."""
    if shutil.which("qemu-system-x86_64") is None:
        return None
    return read(("qemu-system-x86_64", "--version")).splitlines()[0]


def install(packages: tuple[str, ...], log: Path) -> None:
    """Install the packages that are not there yet, after saying which."""
    known = read(("dpkg-query", "--show", "--showformat=${binary:Package} ${db:Status-Status}\n"))
    present = {line.split()[0].split(":")[0] for line in known.splitlines() if line.endswith(" installed")}
    absent = [name for name in packages if name not in present]
    if not absent:
        return
    say(f"    installing with apt-get: {' '.join(absent)}")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    run(("apt-get", "-q", "-y", "--no-install-recommends", "install", *absent), log=log, env=environment)


def archives(kind: str) -> list[str]:
    """Debian's own archives this machine uses, as one-line sources of `kind` (`deb` or `deb-src`).

    Raises StepFailed where apt knows no archive of this release.
    """
    fields = "$(ORIGIN) $(REPO_URI) $(RELEASE) $(COMPONENT)"
    rows = read(("apt-get", "indextargets", "--format", fields, "Created-By: Packages")).splitlines()
    found = []
    for row in sorted(set(rows)):
        origin, _, place = row.partition(" ")
        if origin == "Debian" and re.search(rf" {RELEASE}(-updates|-security)? main$", place):
            found.append(f"{kind} [signed-by={KEYRING}] {place}")
    if not found:
        raise StepFailed(f"apt knows no Debian archive of {RELEASE}: enable one in its sources and run apt-get update")
    return found
