"""What keeps the kernel bench from running here, in words for a test that is left out."""

import shutil

from tests.kernel.bench import Bench, find_bench
from tests.kernel.image import host
from tests.parts import leave_out

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


def needed() -> Bench:
    """The bench; a test without it is left out."""
    absent, bench = missing(), find_bench()
    if absent or bench is None:
        leave_out("; ".join(absent))
    return bench
