"""Which way kernel arguments reach the kernel: GRUB's configuration, boot loader entries, or an ostree deployment.

Boundary: which one it is; what GRUB would start is `facts.grub`.
Source: the Boot Loader Specification (entries in /boot/loader/entries; Fedora's and RHEL's GRUB reads them unless
GRUB_ENABLE_BLSCFG says otherwise), ostree(1) (/run/ostree-booted).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gpucarve.calls.primitives import KIB, ReadFiles, Stat
from gpucarve.calls.replies import PathStatuses, Reply
from gpucarve.facts import grub
from gpucarve.facts.observed import Probe, expect, whole

_OSTREE = "/run/ostree-booted"
_ENTRIES = "/boot/loader/entries"
_NO_ENTRIES = re.compile(r"""^\s*GRUB_ENABLE_BLSCFG=["']?false\b""", re.M)


@dataclass(frozen=True, slots=True)
class BootLoader:
    """`kind` is `grub`, `bls` (one file an entry, changed by grubby), `ostree`, or empty where it is none of these."""

    kind: str


def _parse(replies: tuple[Reply, ...]) -> BootLoader:
    defaults = whole(replies[0]).get(grub.DEFAULTS)
    there = expect(replies[1], PathStatuses).by_path()
    if _OSTREE in there:
        return BootLoader("ostree")
    refuses_entries = defaults is not None and _NO_ENTRIES.search(defaults.text()) is not None
    if _ENTRIES in there and grub.CONFIG not in there and not refuses_entries:
        return BootLoader("bls")
    return BootLoader("grub" if defaults is not None or grub.CONFIG in there else "")


PROBE = Probe(
    "boot loader",
    (ReadFiles((grub.DEFAULTS,), limit=64 * KIB), Stat((_OSTREE, _ENTRIES, grub.CONFIG))),
    _parse,
)
