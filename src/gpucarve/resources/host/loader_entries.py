"""Kernel arguments in boot loader entries, changed by grubby: the way of RHEL, its rebuilds and Fedora.

`grubby --update-kernel=ALL` changes every entry, `kernelopts` of GRUB's environment block where RHEL 8's entries refer
to it, and /etc/kernel/cmdline, of which new kernels are made from RHEL 9 on (it makes that file where there is none).
GRUB_CMDLINE_LINUX in /etc/default/grub, from which grub2-mkconfig makes the others anew, is written here: grubby
8.40-48 of RHEL 8 and 8.40-63 of RHEL 9 put their line in the place of GRUB_CMDLINE_LINUX_DEFAULT's as well, so it is
told to leave the file alone. That option swallows the one that follows it, so it comes last.

Each of these places is observed on its own, so that a cut between any two is mended.

Boundary: the way there; the way back is `loader_entries_back`. Decides on `facts.entries` and `facts.grub`. Sources:
grubby-bls in the packages grubby 8.40-48.el8 and 8.40-63.el9 (update_bls_fragment, update_args, the loop over
options), 20-grub.install and 10_linux of grub2's.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from gpucarve.calls.predicates import Absent, Predicate, Sha256
from gpucarve.calls.primitives import Claim, Run, WriteFile
from gpucarve.calls.programs import Guarded
from gpucarve.facts import entries, grub
from gpucarve.facts.entries import Entries
from gpucarve.model.hosts import ResourceKey
from gpucarve.resources.decisions import Blocked
from gpucarve.resources.host import command_line, loader_defaults, loaders
from gpucarve.resources.host.loaders import Ahead

IN_RECORD = "kernelopts"  # the entry of the claim's record that tells this way from the other


def places(found: Entries) -> dict[str, tuple[str, ...]]:
    """The arguments at each place from which a kernel, present or new, gets its own."""
    held = {path: found.arguments(content) for path, content in found.entries.items()}
    if found.new_kernels is not None:
        held[entries.NEW_KERNELS] = tuple(found.new_kernels.decode("utf-8", "surrogateescape").split())
    if entries.KERNEL_OPTIONS in found.environment:
        held[entries.ENVIRONMENT] = tuple(found.environment[entries.KERNEL_OPTIONS].split())
    return held


def lacking(held: dict[str, tuple[str, ...]], arguments: Sequence[str]) -> tuple[str, ...]:
    """The arguments that some place does not give."""
    return tuple(each for each in arguments if not all(command_line.satisfied(words, each) for words in held.values()))


def ahead(
    key: ResourceKey, arguments: Sequence[str], running: Sequence[str], defaults: grub.Grub | None, found: Entries
) -> Ahead | Blocked:
    """What it takes for every entry to have the arguments, and every new one."""
    held = places(found)
    missing = lacking(held, arguments)
    settled = bool(found.entries) and not missing
    try:
        wanted = loader_defaults.merged(defaults.defaults, arguments) if defaults else b""
    except command_line.NotLiteral as error:
        said = f"{grub.DEFAULTS} is left as it is: {error}"
        return Ahead(note=said) if settled else loaders.not_literal(key, error)
    writes_defaults = defaults is not None and wanted != defaults.defaults
    files = (*((grub.DEFAULTS,) if defaults else ()), entries.NEW_KERNELS, *found.entries)
    if settled and not writes_defaults:
        return Ahead(replaces=files)
    refused = _refused(key, found, missing, held)
    if refused is not None:
        return refused
    if defaults is not None and defaults.link and writes_defaults:
        return loaders.linked(key, grub.DEFAULTS, defaults.link)
    written = Sha256.of(grub.DEFAULTS, wanted).digest if defaults else ""
    options = found.environment.get(entries.KERNEL_OPTIONS, "")
    record = loaders.record(arguments, running, written=written, **{IN_RECORD: options})
    found_as = as_found(found)
    now = (Sha256.of(grub.DEFAULTS, defaults.defaults),) if defaults else ()
    then = (Sha256.of(grub.DEFAULTS, wanted),) if defaults else ()
    writes = [Guarded(Claim(key.local, json.dumps(record), files), before=(*now, *found_as))]
    if writes_defaults:
        writes.append(Guarded(WriteFile(grub.DEFAULTS, wanted), before=now, wanted=then))
    if missing:
        argv = ("grubby", "--update-kernel=ALL", f"--args={' '.join(missing)}", "--no-etc-grub-update")
        writes.append(Guarded(Run(argv, deadline=300), before=(*then, *found_as)))
    return Ahead(tuple(writes), (*now, *found_as), files)


def _refused(
    key: ResourceKey, found: Entries, missing: Sequence[str], held: dict[str, tuple[str, ...]]
) -> Blocked | None:
    """What grubby would not carry out as it is meant."""
    if not found.entries:
        return loaders.blocked(key, f"there is no entry in {entries.FOLDER}", "install a kernel, or restore its entry")
    for path, target in found.links.items():
        return loaders.linked(key, path, target)
    for path, content in found.entries.items():
        lines = len(entries.options(content))
        if lines != 1:
            fact = f"{path} has {lines} lines of options, and grubby needs exactly one"
            return loaders.blocked(key, fact, "write its arguments on one line that begins with 'options'")
    if found.new_kernels is not None and b"\n" in found.new_kernels.rstrip(b"\n"):
        fact = f"{entries.NEW_KERNELS} has several lines, of which grubby would keep the first"
        return loaders.blocked(key, fact, "write all arguments on one line")
    for path, words in held.items():
        for each in missing:
            for value in command_line.values_of(words, (command_line.key_of(each),))[-1:]:
                if value != each and command_line.satisfied((value,), each):
                    fact = f"{path} says {value}, for which grubby would put {each}"
                    return loaders.blocked(key, fact, f"run grubby --update-kernel=ALL --args={value}")
    return None


def as_found(found: Entries) -> tuple[Predicate, ...]:
    """Every file that grubby changes, but the environment block: GRUB itself writes that at each boot."""
    new = found.new_kernels
    of_new = Absent(entries.NEW_KERNELS) if new is None else Sha256.of(entries.NEW_KERNELS, new)
    return (of_new, *(Sha256.of(path, content) for path, content in found.entries.items()))
