"""What a way to change kernel arguments answers: what the boot loader would start next, and what it takes to change it.

Boundary: values. The ways themselves are `loader_defaults` (update-grub), `loader_entries` (grubby) and
`loader_elsewhere` (none of ours).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gpucarve.calls.predicates import Predicate, Sha256
from gpucarve.calls.primitives import Restore, WriteFile
from gpucarve.calls.programs import Guarded
from gpucarve.facts import grub
from gpucarve.model.findings import Finding, Verdict
from gpucarve.model.hosts import ResourceKey
from gpucarve.resources.decisions import Blocked

KIND = grub.CLAIM


@dataclass(frozen=True, slots=True)
class Ahead:
    """What would be started next. `writes` make it as wanted, and there are none where it is so already; they replace
    files at `replaces`, found as `preconditions` say. `note` is what a person should know who sees it settled."""

    writes: tuple[Guarded, ...] = ()
    preconditions: tuple[Predicate, ...] = ()
    replaces: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Behind:
    """The same on the way back. `values` are our keys' tokens in each form in which they may have been in force before;
    `as_before` is what is found once everything is."""

    ahead: Ahead
    values: tuple[tuple[str, ...], ...]
    as_before: tuple[Predicate, ...]


def written_back(key: ResourceKey, path: str, now: bytes, wanted: bytes, kept: bytes | None) -> tuple[Guarded, ...]:
    """The write of a file as it is to be again, by the claim's copy where that is the same; none where it is so."""
    if wanted == now:
        return ()
    write = Restore(key.local, path) if wanted == kept else WriteFile(path, wanted)
    return (Guarded(write, before=(Sha256.of(path, now),), wanted=(Sha256.of(path, wanted),)),)


def record(arguments: Sequence[str], command_line: Sequence[str], **more: Any) -> dict[str, Any]:
    """The claim's record."""
    return {"kind": KIND, "arguments": list(arguments), "command_line": " ".join(command_line), **more}


def linked(key: ResourceKey, path: str, target: str) -> Blocked:
    """A file that is managed where the link leads is not ours to replace."""
    fact = f"{path} is a symbolic link to {target}"
    return blocked(key, fact, "make it a plain file, or change the arguments where that file is managed")


def not_literal(key: ResourceKey, error: ValueError) -> Blocked:
    """Text that a shell would expand is not guessed at."""
    return blocked(key, f"{grub.DEFAULTS}: {error}", "write the arguments as a plain quoted list")


def blocked(key: ResourceKey, fact: str, fix: str) -> Blocked:
    """It cannot be done here."""
    rule = "kernel arguments are changed where the boot loader keeps them, so that every later boot has them"
    return Blocked((Finding(key.target, KIND, Verdict.DIFFERS, fact, rule, fix),))
