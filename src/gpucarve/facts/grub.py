"""What the boot loader would start next: GRUB's defaults and the configuration made from them.

Boundary: Debian's and Ubuntu's layout (`/etc/default/grub`, `/boot/grub/grub.cfg`). A host without it has `None`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gpucarve.calls import state
from gpucarve.calls.primitives import KIB, ReadFiles, ReadLinks
from gpucarve.calls.replies import File, Links, Reply
from gpucarve.facts.observed import Probe, expect, whole

DEFAULTS = "/etc/default/grub"
CONFIG = "/boot/grub/grub.cfg"
CLAIM = "kernel-arguments"  # the claim that keeps a copy of the defaults

_LIMIT = 1024 * KIB
# The part of grub-mkconfig's menu that is made from the defaults; others boot memtest, or other systems.
_OWN_PART = re.compile(r"^### BEGIN /etc/grub\.d/10_linux ###$(.*?)^### END /etc/grub\.d/10_linux ###$", re.M | re.S)
_LINUX_LINE = re.compile(r"^[ \t]*linux(?:16|efi)?[ \t]+\S+[ \t]*(.*)$", re.M)


@dataclass(frozen=True, slots=True)
class Grub:
    """`defaults` is /etc/default/grub's content; `entries` the kernel arguments of each normal boot entry (those for
    recovery, which carry `single` or `recovery`, are left out); `kept` the defaults as our claim preserved them;
    `link` what /etc/default/grub points to where it is a symbolic link, else empty."""

    defaults: bytes
    entries: tuple[tuple[str, ...], ...]
    kept: bytes | None = None
    link: str = ""


def _parse(replies: tuple[Reply, ...]) -> Grub | None:
    files, copies = whole(replies[0]), whole(replies[1])
    link = expect(replies[2], Links).by_path().get(DEFAULTS, "")
    if DEFAULTS not in files:
        return None
    config = files[CONFIG].text() if CONFIG in files else ""
    own = _OWN_PART.search(config)
    entries = tuple(tuple(line.split()) for line in _LINUX_LINE.findall(own[1] if own else config))
    normal = tuple(entry for entry in entries if not {"single", "recovery"} & set(entry))
    return Grub(files[DEFAULTS].content, normal, kept_files(copies).get(DEFAULTS), link)


def kept_files(copies: Mapping[str, File]) -> dict[str, bytes | None]:
    """What our claim preserved, from the answer to `KEPT`: contents by path, None for what was not there."""
    kept: dict[str, bytes | None] = {}
    for path, file in copies.items():
        if path.endswith("/path"):
            content = copies.get(path.removesuffix("path") + "content")
            kept[file.text()] = content.content if content else None
    return kept


KEPT = ReadFiles(tuple(f"{state.CLAIMS}/{CLAIM}/kept/*/{name}" for name in ("path", "content")), limit=_LIMIT)
PROBE = Probe(
    "grub",
    (
        ReadFiles((DEFAULTS, CONFIG), limit=_LIMIT),
        KEPT,
        ReadLinks((DEFAULTS,)),
    ),
    _parse,
)
