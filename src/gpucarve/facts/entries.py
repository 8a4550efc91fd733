"""Boot loader entries: what each would give its kernel, and where new kernels get their arguments from.

On RHEL 8 an entry may say `$kernelopts`, which stands in GRUB's environment block; on RHEL 9 and Fedora entries hold
the arguments themselves, and new ones are made from /etc/kernel/cmdline.

Boundary: Fedora's and RHEL's layout; /etc/default/grub is `facts.grub`. Sources: the Boot Loader Specification; the
packages of RHEL's rebuilds, grubby-bls of grubby 8.40-48.el8 and 8.40-63.el9 and 20-grub.install of grub2 2.02 and
2.06 (which places are read and written).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from gpucarve.calls.primitives import KIB, ReadFiles, ReadLinks
from gpucarve.calls.replies import Links, Reply
from gpucarve.facts import grub
from gpucarve.facts.observed import Probe, expect, whole

FOLDER = "/boot/loader/entries"
ENVIRONMENT = "/boot/grub2/grubenv"
NEW_KERNELS = "/etc/kernel/cmdline"
KERNEL_OPTIONS = "kernelopts"  # the variable of the environment block

_OPTIONS = re.compile(r"^options[ \t]+(.*)$", re.M)
_VERSION = re.compile(r"^version[ \t]+(\d+)[ \t]*$", re.M)
_VARIABLE = re.compile(r"\$\{?(\w+)\}?")


@dataclass(frozen=True, slots=True)
class Entries:
    """Contents by path. `environment` holds the variables of GRUB's environment block and `environment_block` the block
    itself, None where there is none; `new_kernels` is /etc/kernel/cmdline; `kept` the files as our claim preserved
    them, None for one that was not there; `links` what is a symbolic link of these, and to where."""

    entries: dict[str, bytes] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    environment_block: bytes | None = None
    new_kernels: bytes | None = None
    kept: dict[str, bytes | None] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    def arguments(self, entry: bytes) -> tuple[str, ...]:
        """What an entry gives its kernel, GRUB's variables filled in."""
        return tuple(word for line in options(entry) for word in self.expanded(line).split())

    def expanded(self, line: str) -> str:
        """A line with the variables that the environment block has."""
        return _VARIABLE.sub(lambda match: self.environment.get(match[1], match[0]), line)

    @property
    def newest_deployment(self) -> str:
        """The path of the entry with the highest number as its version, which ostree starts next; empty without one."""
        numbered = [
            (int(found[1]), path) for path, each in self.entries.items() if (found := _VERSION.search(_text(each)))
        ]
        return max(numbered, default=(0, ""))[1]


def options(entry: bytes) -> tuple[str, ...]:
    """The values of an entry's `options` lines."""
    return tuple(_OPTIONS.findall(_text(entry)))


def _text(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")


def _parse(replies: tuple[Reply, ...]) -> Entries:
    files, copies = whole(replies[0]), whole(replies[1])
    block = files[ENVIRONMENT].content if ENVIRONMENT in files else None
    return Entries(
        entries={path: file.content for path, file in files.items() if path.startswith(f"{FOLDER}/")},
        environment=_variables(block or b""),
        environment_block=block,
        new_kernels=files[NEW_KERNELS].content if NEW_KERNELS in files else None,
        kept=grub.kept_files(copies),
        links=dict(expect(replies[2], Links).by_path()),
    )


def _variables(block: bytes) -> dict[str, str]:
    """The block is a line a variable, padded with `#`."""
    lines = (line.partition("=") for line in _text(block).splitlines() if not line.startswith("#"))
    return {name: value for name, sign, value in lines if sign}


PROBE = Probe(
    "boot entries",
    (
        ReadFiles((f"{FOLDER}/*.conf", ENVIRONMENT, NEW_KERNELS), limit=64 * KIB),
        grub.KEPT,
        ReadLinks((f"{FOLDER}/*.conf", NEW_KERNELS)),
    ),
    _parse,
)
