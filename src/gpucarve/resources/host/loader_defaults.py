"""Kernel arguments in /etc/default/grub, carried into GRUB's menu by update-grub: Debian's and Ubuntu's way.

The defaults and the menu that is derived from them are observed on their own, so that a cut between them is mended.

Boundary: decides on `facts.grub`; text edits are `command_line`'s.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from gpucarve.calls.predicates import Sha256
from gpucarve.calls.primitives import Claim, Run, WriteFile
from gpucarve.calls.programs import Guarded
from gpucarve.facts import grub
from gpucarve.model.hosts import ResourceKey
from gpucarve.resources.decisions import Blocked
from gpucarve.resources.host import command_line, loaders
from gpucarve.resources.host.loaders import Ahead, Behind


def ahead(key: ResourceKey, arguments: Sequence[str], running: Sequence[str], loader: grub.Grub) -> Ahead | Blocked:
    """What it takes for every entry of the menu to have the arguments, now and whenever it is made anew."""
    derived = bool(loader.entries) and all(
        command_line.satisfied(entry, each) for entry in loader.entries for each in arguments
    )
    try:
        wanted = merged(loader.defaults, arguments)
    except command_line.NotLiteral as error:
        said = f"{grub.DEFAULTS} is left as it is: {error}"
        return Ahead(note=said) if derived else loaders.not_literal(key, error)
    now, then = Sha256.of(grub.DEFAULTS, loader.defaults), Sha256.of(grub.DEFAULTS, wanted)
    if now == then and derived:
        return Ahead(replaces=(grub.DEFAULTS,))
    if loader.link:
        return loaders.linked(key, grub.DEFAULTS, loader.link)
    record = loaders.record(arguments, running, written=then.digest)
    claim = Guarded(Claim(key.local, json.dumps(record), (grub.DEFAULTS,)), before=(now,))
    if now == then:
        return Ahead((claim, _derive(then)), (), (grub.DEFAULTS,))
    write = Guarded(WriteFile(grub.DEFAULTS, wanted), before=(now,), wanted=(then,))
    return Ahead((claim, write, _derive(then)), (now,), (grub.DEFAULTS,))


def behind(
    key: ResourceKey, arguments: Sequence[str], earlier: Sequence[str], written: str, loader: grub.Grub | None
) -> Behind | Blocked:
    """What it takes for file and menu to be as the claim found them. `earlier` is the command line of then, `written`
    the digest of what we wrote."""
    if loader is None or loader.kept is None:
        return loaders.blocked(key, f"the copy of {grub.DEFAULTS} is gone from the claim", "restore it from a backup")
    if loader.link:
        return loaders.linked(key, grub.DEFAULTS, loader.link)
    keys = tuple(map(command_line.key_of, arguments))
    try:
        wanted = put_back(arguments, written, loader.defaults, loader.kept)
        given = command_line.given(loader.kept.decode("utf-8", "surrogateescape"))
    except command_line.NotLiteral as error:
        return loaders.not_literal(key, error)
    # Both, for they differ where somebody had edited the file and not booted since.
    values = (command_line.values_of(earlier, keys), command_line.values_of(given, keys))
    derived = bool(loader.entries) and all(command_line.values_of(each, keys) in values for each in loader.entries)
    now, then = Sha256.of(grub.DEFAULTS, loader.defaults), Sha256.of(grub.DEFAULTS, wanted)
    writes = loaders.written_back(key, grub.DEFAULTS, loader.defaults, wanted, loader.kept)
    if writes or not derived:
        writes = (*writes, _derive(then))
    return Behind(Ahead(writes, (now,) if now != then else ()), values, (then,))


def merged(defaults: bytes, arguments: Sequence[str]) -> bytes:
    """The defaults with these arguments. Raises NotLiteral."""
    text = defaults.decode("utf-8", "surrogateescape")
    return command_line.merge(text, arguments).encode("utf-8", "surrogateescape")


def put_back(arguments: Sequence[str], written: str, now: bytes, kept: bytes) -> bytes:
    """The kept defaults; where others edited the file since, theirs with only our keys put back. Raises NotLiteral."""
    if now == kept or Sha256.of(grub.DEFAULTS, now).digest == written:
        return kept
    texts = (now.decode("utf-8", "surrogateescape"), kept.decode("utf-8", "surrogateescape"))
    return command_line.unmerge(*texts, arguments).encode("utf-8", "surrogateescape")


def _derive(defaults: Sha256) -> Guarded:
    """The menu made anew from the defaults that were decided on, and from no others."""
    return Guarded(Run(("update-grub",), deadline=300), before=(defaults,))
