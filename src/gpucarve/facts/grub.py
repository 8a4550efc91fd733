"""What the boot loader would start next: GRUB's defaults and the configuration made from them.

Boundary: Debian's and Ubuntu's layout (`/etc/default/grub`, `/boot/grub/grub.cfg`). A host without it has `None`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gpucarve.calls import state
from gpucarve.calls.primitives import KIB, ReadFiles
from gpucarve.calls.replies import Files, Reply
from gpucarve.facts.observed import Probe, Unreadable, expect

DEFAULTS = "/etc/default/grub"
CONFIG = "/boot/grub/grub.cfg"
CLAIM = "kernel-arguments"  # the claim that keeps a copy of the defaults

_LINUX_LINE = re.compile(r"^\s*linux(?:16|efi)?\s+\S+\s+(.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Grub:
    """`defaults` is /etc/default/grub's content; `entries` the kernel arguments of each normal boot entry (those for
    recovery, which carry `single` or `recovery`, are left out); `kept` the defaults as our claim preserved them."""

    defaults: bytes
    entries: tuple[tuple[str, ...], ...]
    kept: bytes | None = None


def _parse(replies: tuple[Reply, ...]) -> Grub | None:
    reply = expect(replies[0], Files)
    files = reply.by_path()
    for entry in reply.entries:
        if entry.failure or entry.truncated:
            raise Unreadable(f"{entry.path} cannot be read whole")
    if DEFAULTS not in files:
        return None
    config = files[CONFIG].text() if CONFIG in files else ""
    entries = tuple(tuple(line.split()) for line in _LINUX_LINE.findall(config))
    normal = tuple(entry for entry in entries if not {"single", "recovery"} & set(entry))
    return Grub(files[DEFAULTS].content, normal, _kept(expect(replies[1], Files)))


def _kept(files: Files) -> bytes | None:
    copies = files.by_path()
    for path, file in copies.items():
        if path.endswith("/path") and file.text() == DEFAULTS:
            content = copies.get(path.removesuffix("path") + "content")
            return content.content if content else None
    return None


PROBE = Probe(
    "grub",
    (
        ReadFiles((DEFAULTS, CONFIG), limit=1024 * KIB),
        ReadFiles(tuple(f"{state.CLAIMS}/{CLAIM}/kept/*/{name}" for name in ("path", "content")), limit=256 * KIB),
    ),
    _parse,
)
