"""What keeps the kernel bench from running here, in words for a skipped test."""

import shutil

from tests.kernel.bench import find_bench
from tests.kernel.image import host

_PROGRAMS = {
    "qemu-img": "package qemu-utils",
    "qemu-system-x86_64": "package qemu-system-x86",
    "ssh": "package openssh-client",
    "setpriv": "package util-linux",
}


def missing() -> list[str]:
    """One sentence for each thing that is absent; empty when the bench can start."""
    absent = [
        f"the kernel bench needs {program} ({origin})"
        for program, origin in _PROGRAMS.items()
        if shutil.which(program) is None
    ]
    if absent or find_bench() is None:
        how = "; ".join(host.obstacles()) or "`make kernel-bench` builds it"
        absent.append(f"the kernel bench is not in the cache: {how}")
    return absent
