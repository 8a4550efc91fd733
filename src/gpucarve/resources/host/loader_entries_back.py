"""Boot loader entries as they were: each place put back by itself, others' edits since left alone.

Earlier values may differ from entry to entry, which grubby's ALL could not say, so files are written here: by the
claim's copy where nothing but our keys has changed since, else with only our keys' tokens put back.

Boundary: decides on `facts.entries` and `facts.grub`; text edits are `argument_lines`'. Sources: as `loader_entries`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from gpucarve.calls.predicates import Absent, Sha256
from gpucarve.calls.primitives import Restore, Run
from gpucarve.calls.programs import Guarded
from gpucarve.facts import entries, grub
from gpucarve.facts.entries import Entries
from gpucarve.model.hosts import ResourceKey
from gpucarve.resources.decisions import Blocked
from gpucarve.resources.host import argument_lines, command_line, loader_defaults, loaders
from gpucarve.resources.host.loader_entries import as_found
from gpucarve.resources.host.loaders import Ahead, Behind


@dataclass(frozen=True, slots=True)
class Before:
    """What the claim's record says: the command line, the digest of /etc/default/grub as we wrote it (empty where there
    is no such file), and `kernelopts` as it was."""

    running: tuple[str, ...]
    written: str
    kernel_options: str


def behind(
    key: ResourceKey, arguments: Sequence[str], before: Before, defaults: grub.Grub | None, found: Entries
) -> Behind | Blocked:
    """What it takes for each place to be as the claim found it; what came since is as it would be without us."""
    keys = tuple(map(command_line.key_of, arguments))
    if defaults is not None and before.written and found.kept.get(grub.DEFAULTS) is None:
        return loaders.blocked(key, f"the copy of {grub.DEFAULTS} is gone from the claim", "restore it from a backup")
    if defaults is not None and defaults.link:
        return loaders.linked(key, grub.DEFAULTS, defaults.link)
    for path, target in found.links.items():
        return loaders.linked(key, path, target)
    writes: list[Guarded] = []
    kept = found.kept.get(grub.DEFAULTS)
    if defaults is not None and kept is not None:
        try:
            wanted = loader_defaults.put_back(arguments, before.written, defaults.defaults, kept)
        except command_line.NotLiteral as error:
            return loaders.not_literal(key, error)
        writes += loaders.written_back(key, grub.DEFAULTS, defaults.defaults, wanted, kept)
    writes += _entries_back(key, keys, before, found)
    writes += _new_kernels_back(key, keys, before, found)
    writes += _environment_back(keys, before, found)
    then = replace(found, environment={**found.environment, entries.KERNEL_OPTIONS: before.kernel_options})
    given = [then.arguments(each) for path, each in found.kept.items() if each and path in found.entries]
    values = (before.running, *given)
    now = (Sha256.of(grub.DEFAULTS, defaults.defaults),) if defaults else ()
    return Behind(
        Ahead(tuple(writes), tuple(each for write in writes for each in write.before)),
        tuple(dict.fromkeys(command_line.values_of(each, keys) for each in values)),
        (*now, *as_found(found)),
    )


def _entries_back(key: ResourceKey, keys: Sequence[str], before: Before, found: Entries) -> Iterator[Guarded]:
    for path, content in found.entries.items():
        now, kept = _text(content), found.kept.get(path)
        if kept is None:  # an entry of a kernel that came since
            earlier = command_line.values_of(before.running, keys)
            wanted = argument_lines.with_values(now, argument_lines.ENTRY, keys, earlier)
        else:
            wanted = argument_lines.put_back(now, _text(kept), argument_lines.ENTRY, keys, found.expanded)
        yield from loaders.written_back(key, path, content, _bytes(wanted), kept)


def _new_kernels_back(key: ResourceKey, keys: Sequence[str], before: Before, found: Entries) -> Iterator[Guarded]:
    path, content = entries.NEW_KERNELS, found.new_kernels
    kept = found.kept.get(path)
    if content is None:
        return
    if kept is not None:
        wanted = argument_lines.put_back(_text(content), _text(kept), argument_lines.WHOLE, keys, found.expanded)
        yield from loaders.written_back(key, path, content, _bytes(wanted), kept)
        return
    others = argument_lines.without(_text(content).split(), keys)
    if path in found.kept and any(
        argument_lines.without(found.arguments(each), keys) == others for each in found.entries.values()
    ):  # it holds what grubby took from an entry, and nothing else
        as_found = Sha256.of(path, content)
        yield Guarded(Restore(key.local, path), before=(as_found,), wanted=(Absent(path),))
        return
    earlier = command_line.values_of(before.running, keys)
    wanted = argument_lines.with_values(_text(content), argument_lines.WHOLE, keys, earlier)
    yield from loaders.written_back(key, path, content, _bytes(wanted), None)


def _environment_back(keys: Sequence[str], before: Before, found: Entries) -> Iterator[Guarded]:
    now = found.environment.get(entries.KERNEL_OPTIONS)
    if now is None or found.environment_block is None:
        return
    earlier = before.kernel_options
    if argument_lines.without(now.split(), keys) != argument_lines.without(earlier.split(), keys):
        values = command_line.values_of(earlier.split(), keys)
        earlier = argument_lines.with_values(now, argument_lines.WHOLE, keys, values)
    if earlier != now:
        argv = ("grub2-editenv", "-", "set", f"{entries.KERNEL_OPTIONS}={earlier}")
        yield Guarded(Run(argv), before=(Sha256.of(entries.ENVIRONMENT, found.environment_block),))


def _text(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
