"""grubby on a host with boot loader entries, and grub2-editenv: arguments changed in every place that keeps them.

As grubby 8.40-63 of RHEL 9 does it, with its traps: what it changes goes to the end; every line that begins with
GRUB_CMDLINE_LINUX in /etc/default/grub becomes that one; without /etc/kernel/cmdline it is made from the oldest entry;
`--no-etc-grub-update` swallows the word after it. Source: grubby-bls of that package.

Boundary: the options that change arguments of all kernels, and `--info`; entries are `entries`'.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gpucarve.twin import entries, filesystem, grub
from gpucarve.twin.commands.invocation import Invocation, Ran, ran
from gpucarve.twin.errors import KernelError
from gpucarve.twin.machine import Machine
from gpucarve.twin.nodes import raw

_NEW_KERNELS = "/etc/kernel/cmdline"
_OPTIONS = "kernelopts"
_WITH_VALUE = ("--update-kernel", "--args", "--remove-args", "--info")
_KEEP_DEFAULTS = "--no-etc-grub-update"
_Words = Sequence[str]


def grubby(machine: Machine, invocation: Invocation) -> Ran:
    """`--update-kernel=ALL` with `--args` and `--remove-args`, or `--info=ALL`."""
    try:
        given = dict(_parsed(invocation.arguments))
    except ValueError as error:
        return ran(machine, 0.1, stderr=f"grubby: {error}\n", status=1)
    if given.get("--info") == "ALL":
        return ran(machine, 0.4, "".join(_told(machine)))
    if given.get("--update-kernel") != "ALL":
        return ran(machine, 0.1, stderr="no action specified\n", status=1)
    remove, add = given.get("--remove-args", "").split(), given.get("--args", "").split()
    try:
        return ran(_updated(machine, remove, add, defaults=_KEEP_DEFAULTS not in given), 0.6)
    except KernelError as error:
        return ran(machine, 0.3, stderr=f"sed: couldn't write: {error.text}\n", status=4)


def grub2_editenv(machine: Machine, invocation: Invocation) -> Ran:
    """`- list`, `- set NAME=VALUE`."""
    values = entries.variables(machine)
    match invocation.arguments:
        case ("-", "list"):
            return ran(machine, 0.05, "".join(f"{name}={value}\n" for name, value in values.items()))
        case ("-", "set", assignment) if "=" in assignment:
            name, _, value = assignment.partition("=")
            try:
                block = entries.block({**values, name: value})
                return ran(filesystem.write_file(machine, entries.BLOCK, block), 0.05)
            except KernelError as error:
                return ran(machine, 0.05, stderr=f"grub2-editenv: error: {error.text}.\n", status=1)
        case _:
            return ran(machine, 0.01, stderr="Usage: grub2-editenv [OPTION...] FILENAME COMMAND\n", status=1)


def _parsed(words: _Words) -> Iterator[tuple[str, str]]:
    left = list(words)
    while left:
        name, sign, value = left.pop(0).partition("=")
        if name == _KEEP_DEFAULTS:
            yield name, ""
            del left[:1]
        elif name in _WITH_VALUE and (sign or left):
            yield name, value if sign else left.pop(0)
        else:
            raise ValueError(f"unrecognized option '{name}'")


def _updated(machine: Machine, remove: _Words, add: _Words, *, defaults: bool) -> Machine:
    if defaults:
        machine = _defaults(machine, remove, add)
    values = entries.variables(machine)
    if _OPTIONS in values:
        values[_OPTIONS] = _changed(values[_OPTIONS], remove, add)
        machine = filesystem.write_file(machine, entries.BLOCK, entries.block(values))
    known = entries.names(machine)
    for name in known:
        place = entries.path(name)
        entry = entries.text(machine, place)
        options = entries.value(entry, "options")
        if f"${_OPTIONS}" not in options.split():
            lines = (
                f"options {_changed(options, remove, add)}" if line.startswith("options") else line
                for line in entry.split("\n")
            )
            machine = filesystem.write_file(machine, place, raw("\n".join(lines)))
    new = entries.text(machine, _NEW_KERNELS)
    if not new and known:
        oldest = entries.value(entries.text(machine, entries.path(known[-1])), "options")
        new = oldest.replace(f"${_OPTIONS}", values.get(_OPTIONS, ""))
    first = _changed(new.partition("\n")[0], remove, add)
    return filesystem.write_file(machine, _NEW_KERNELS, raw(f"{first}\n"))


def _defaults(machine: Machine, remove: _Words, add: _Words) -> Machine:
    text = entries.text(machine, grub.SETTINGS)
    old = grub.settings([text]).get("GRUB_CMDLINE_LINUX", "")
    if not old:
        return machine
    line = f'GRUB_CMDLINE_LINUX="{_changed(old, remove, add)}"'
    lines = (line if each.startswith("GRUB_CMDLINE_LINUX") else each for each in text.split("\n"))
    return filesystem.write_file(machine, grub.SETTINGS, raw("\n".join(lines)))


def _changed(words: str, remove: _Words, add: _Words) -> str:
    """Without what is removed, by key or as one exact word, and what is added at the end in place of its key's."""
    left = words.split()
    for each in remove:
        if "=" in each:
            left = [word for word in left if word != each]
        else:
            left = [word for word in left if word.partition("=")[0] != each]
    keys = {each.partition("=")[0] for each in add}
    return " ".join((*(word for word in left if word.partition("=")[0] not in keys), *add))


def _told(machine: Machine) -> Iterator[str]:
    values = entries.variables(machine)
    for number, name in enumerate(entries.names(machine)):
        entry = entries.text(machine, entries.path(name))
        options = entries.value(entry, "options").replace(f"${_OPTIONS}", values.get(_OPTIONS, ""))
        others = " ".join(word for word in options.split() if not word.startswith("root="))
        yield f'index={number}\nkernel="/boot{entries.value(entry, "linux")}"\nargs="{others}"\nid="{name}"\n'
