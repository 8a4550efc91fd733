"""Kernel modules: which are loaded, which files keep them from loading by themselves, which files load them at boot.

Boundary: modprobe.d, modules-load.d and the kernel's command line as they stand on the disk; what the image carries
that the kernel starts from is `facts.initramfs`. Names are written with underscores, as the kernel does.
Sources: modprobe.d(5), modules-load.d(5), kernel-command-line(7) of systemd, modprobe(8).
"""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from gpucarve.calls.primitives import KIB, ReadFiles
from gpucarve.calls.replies import File, Files, Reply
from gpucarve.facts.observed import Probe, Unreadable, expect, whole

BLACKLIST = "/etc/modprobe.d/gpucarve.conf"
LOAD = "/etc/modules-load.d/gpucarve.conf"
BLACKLIST_CLAIM = "driver-blacklist"  # the claim that stands for our file of blacklisted modules
LOADED = "/proc/modules"
COMMAND_LINE = "/proc/cmdline"

# A file of an earlier directory hides the files of the same name in the later ones.
_ABOVE = ("/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib")
_MODPROBE = tuple(f"{above}/modprobe.d" for above in _ABOVE)
_LOAD = tuple(f"{above}/modules-load.d" for above in _ABOVE)
_NO_INSTALL = ("/bin/false", "/bin/true", "/usr/bin/false", "/usr/bin/true")
_ON_COMMAND_LINE = ("modprobe.blacklist", "module_blacklist")
_LOADED_ON_COMMAND_LINE = ("modules_load", "modules-load")


@dataclass(frozen=True, slots=True)
class Modules:
    """`blacklisted` and `loaded_at_boot` map a module to the files that say so (`/proc/cmdline` for the kernel's
    command line); `ours` holds the content of our own two files, where they are."""

    loaded: frozenset[str] = frozenset()
    blacklisted: dict[str, tuple[str, ...]] = field(default_factory=dict)
    loaded_at_boot: dict[str, tuple[str, ...]] = field(default_factory=dict)
    ours: dict[str, bytes] = field(default_factory=dict)


def named(module: str) -> str:
    """The kernel's spelling of a module's name: `vfio_pci` for `vfio-pci`."""
    return module.replace("-", "_")


def _parse(replies: tuple[Reply, ...]) -> Modules:
    kernel, configured, load = whole(replies[0]), whole(replies[1]), whole(replies[2])
    if COMMAND_LINE not in kernel:
        raise Unreadable(f"{COMMAND_LINE} cannot be read")
    loaded = (
        kernel[LOADED].text() if LOADED in kernel else ""
    )  # a kernel that was built without modules has no such file
    words = kernel[COMMAND_LINE].text().split()
    return Modules(
        frozenset(line.split()[0] for line in loaded.splitlines() if line),
        _by_module(
            (*_of_files(_seen(replies[1], _MODPROBE), _kept_out), *_of_words(words, _ON_COMMAND_LINE)),
        ),
        _by_module(
            (*_of_files(_seen(replies[2], _LOAD), _wanted), *_of_words(words, _LOADED_ON_COMMAND_LINE)),
        ),
        {path: file.content for path, file in (configured | load).items() if path in (BLACKLIST, LOAD)},
    )


def _seen(reply: Reply, directories: tuple[str, ...]) -> list[File]:
    """The files in force, in the order in which they are read: by name, those of earlier directories hiding others.

    A link to /dev/null hides a file too, although there is nothing to read in it.
    """
    by_path = {entry.path: entry for entry in expect(reply, Files).entries}
    seen: dict[str, File] = {}
    for directory in directories:
        for path, file in by_path.items():
            if posixpath.dirname(path) == directory:
                seen.setdefault(posixpath.basename(path), file)
    return [seen[name] for name in sorted(seen) if seen[name].failure is None]


def _of_files(files: Iterable[File], names: Callable[[str], Iterator[str]]) -> Iterator[tuple[str, str]]:
    return ((named(module), file.path) for file in files for module in names(file.text()))


def _of_words(words: Iterable[str], keys: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for word in words:
        key, _, value = word.partition("=")
        if key in keys:
            yield from ((named(module), COMMAND_LINE) for module in value.split(",") if module)


def _kept_out(text: str) -> Iterator[str]:
    """The modules that a file of modprobe.d keeps from loading by themselves, or from loading at all."""
    for line in text.replace("\\\n", " ").splitlines():
        match line.split():
            case ["blacklist", module]:
                yield module
            case ["install", module, command, *_] if command in _NO_INSTALL:
                yield module


def _wanted(text: str) -> Iterator[str]:
    """The modules that a file of modules-load.d names, one a line."""
    return (line.split()[0] for line in text.splitlines() if line.split() and line.lstrip()[0] not in "#;")


def _by_module(found: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    by_module: dict[str, list[str]] = defaultdict(list)
    for module, path in found:
        if path not in by_module[module]:
            by_module[module].append(path)
    return {module: tuple(paths) for module, paths in by_module.items()}


PROBE = Probe(
    "modules",
    (
        ReadFiles((LOADED, COMMAND_LINE), limit=256 * KIB),
        ReadFiles(tuple(f"{directory}/*.conf" for directory in _MODPROBE), limit=256 * KIB),
        ReadFiles(tuple(f"{directory}/*.conf" for directory in _LOAD), limit=64 * KIB),
    ),
    _parse,
)
