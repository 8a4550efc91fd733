"""Kernel arguments where neither update-grub nor grubby manages them: an ostree deployment, or something not known.

Nothing is written here. Arguments that are in force are taken as they are, unless what can be read says that a later
boot would be without them; where they are missing, the finding gives the command that adds them.

Boundary: decides on `facts.entries` and `facts.grub`. Sources: rpm-ostree(1), kargs; ostree writes an entry a
deployment and starts the one with the highest version.
"""

from __future__ import annotations

from collections.abc import Sequence

from gpucarve.facts import entries, grub
from gpucarve.facts.entries import Entries
from gpucarve.model.hosts import ResourceKey
from gpucarve.resources.decisions import Blocked
from gpucarve.resources.host import command_line, loader_entries, loaders
from gpucarve.resources.host.loaders import Ahead


def ahead(
    key: ResourceKey,
    arguments: Sequence[str],
    running: Sequence[str],
    kind: str,
    defaults: grub.Grub | None,
    found: Entries,
) -> Ahead | Blocked:
    """Nothing to write where the arguments are there and stay; else what to run. `kind` is `facts.loader`'s."""
    held = _held(kind, defaults, found)
    active = not loader_entries.lacking({"running": tuple(running)}, arguments)
    missing = loader_entries.lacking(held, arguments)
    if held and not missing and (active or kind != "grub"):  # defaults alone do not say that a menu has them
        return Ahead(note=f"kept by {', '.join(held)}, which gpucarve does not change here")
    if not held and active:
        return Ahead(note="what the boot loader starts next cannot be read here")
    lack = " ".join(missing or loader_entries.lacking({"running": tuple(running)}, arguments))
    absent = f"{grub.DEFAULTS} is not there, and the kernel's command line"
    where = ", ".join(held) or (absent if kind == "grub" and defaults is None else "the kernel's command line")
    fact = f"{where} does not give {lack}" if missing or not held else f"{lack} is not in force"
    return loaders.blocked(key, fact, _fix(kind, arguments, held, found))


def _held(kind: str, defaults: grub.Grub | None, found: Entries) -> dict[str, tuple[str, ...]]:
    """What can be read of later boots, by place."""
    match kind:
        case "ostree":
            newest = found.newest_deployment
            return {newest: found.arguments(found.entries[newest])} if newest else {}
        case "bls":
            return loader_entries.places(found) if found.entries else {}
        case "grub" if defaults is not None:
            try:
                return {grub.DEFAULTS: command_line.given(defaults.defaults.decode("utf-8", "surrogateescape"))}
            except command_line.NotLiteral:
                return {}
        case _:
            return {}


def _fix(kind: str, arguments: Sequence[str], held: dict[str, tuple[str, ...]], found: Entries) -> str:
    words = " ".join(arguments)
    match kind:
        case "ostree":
            return f"run {_rpm_ostree(arguments, next(iter(held.values()), ()))}, then plan again"
        case "bls" if found.environment_block is not None:
            return "install grubby, which changes the entries, then plan again"
        case "bls":
            return f"add {words} to the line 'options' of every file in {entries.FOLDER} and to {entries.NEW_KERNELS}"
        case "grub":
            menu = "run update-grub, or grub2-mkconfig -o /boot/grub2/grub.cfg, and reboot"
            return f"give {words} in GRUB_CMDLINE_LINUX of {grub.DEFAULTS}, {menu}"
        case _:
            return f"have the host started with {words} on its kernel's command line"


def _rpm_ostree(arguments: Sequence[str], now: Sequence[str]) -> str:
    """The command, which also takes out values that the wanted ones replace."""
    options = []
    for each in arguments:
        if not command_line.satisfied(now, each):
            others = command_line.values_of(now, (command_line.key_of(each),))
            options += [f"--delete-if-present={other}" for other in dict.fromkeys(others)]
            options.append(f"--append-if-missing={each}")
    return " ".join(("rpm-ostree", "kargs", *options))
