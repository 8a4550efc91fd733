"""Boot loader entries on a host like RHEL: a file each, variables of GRUB's environment block, which one is started.

Boundary: text to text, and the files they stand in; what changes them is `commands.grubby`. Sources: the Boot Loader
Specification; blscfg.c of Fedora's GRUB (entries from the newest to the oldest, `saved_entry` by name or number,
variables filled in).
"""

from __future__ import annotations

import re

from gpucarve.twin.machine import Machine
from gpucarve.twin.nodes import shown
from gpucarve.twin.sight import view

FOLDER = "/boot/loader/entries"
BLOCK = "/boot/grub2/grubenv"
_LENGTH = 1024  # of the block, padded with `#`
_HEAD = "# GRUB Environment Block\n"
_VARIABLE = re.compile(r"\$\{?(\w+)\}?")


def names(machine: Machine) -> list[str]:
    """The entries without their ending, the newest first."""
    found = (
        path.removeprefix(f"{FOLDER}/").removesuffix(".conf") for path, _ in view(machine).expand(f"{FOLDER}/*.conf")
    )
    return sorted(found, key=_age, reverse=True)


def _age(name: str) -> list[tuple[int, int, str]]:
    """As versions are compared: numbers by value, and newer than words."""
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in re.findall(r"\d+|[^\d._-]+", name)]


def path(name: str) -> str:
    """Where an entry stands."""
    return f"{FOLDER}/{name}.conf"


def text(machine: Machine, place: str) -> str:
    """A file as text; empty for none."""
    sight = view(machine)
    return shown(sight.file(place).content) if sight.exists(place) else ""


def value(entry: str, key: str) -> str:
    """What an entry says for a key, several lines joined by line ends, as grubby reads it."""
    lines = (line.partition(" ") for line in entry.splitlines())
    return "\n".join(rest.strip() for name, _, rest in lines if name == key)


def variables(machine: Machine) -> dict[str, str]:
    """The environment block."""
    lines = (line.partition("=") for line in text(machine, BLOCK).splitlines() if not line.startswith("#"))
    return {name: rest for name, sign, rest in lines if sign}


def block(values: dict[str, str]) -> bytes:
    """An environment block with these."""
    lines = _HEAD + "".join(f"{name}={each}\n" for name, each in values.items())
    return lines.ljust(_LENGTH, "#").encode("utf-8", "surrogateescape")


def filled(words: str, values: dict[str, str]) -> str:
    """With variables filled in, and those that nobody knows left out."""
    return " ".join(_VARIABLE.sub(lambda match: values.get(match[1], ""), words).split())


def command_line(machine: Machine) -> str | None:
    """What /proc/cmdline holds when the default entry boots, or None when there is nothing to boot."""
    known, values = names(machine), variables(machine)
    saved = values.get("saved_entry", "0")
    number = int(saved) if saved.isdigit() else known.index(saved) if saved in known else 0
    if number >= len(known):
        return None
    entry = text(machine, path(known[number]))
    return f"BOOT_IMAGE=(hd0,gpt2){value(entry, 'linux')} {filled(value(entry, 'options'), values)}".rstrip()
