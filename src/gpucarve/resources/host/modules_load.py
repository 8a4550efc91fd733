"""Modules that are loaded at every boot, by a file of ours in modules-load.d.

Files of others are never edited, and one of them that names the module suffices. Loading now is for whoever needs it
now.

Boundary: decides on `facts.modules`. Source: modules-load.d(5); systemd-modules-load passes over what modprobe.d
blacklists.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import ClassVar

from gpucarve.calls.predicates import Sha256
from gpucarve.calls.primitives import Claim, Disown, Restore, WriteFile
from gpucarve.calls.programs import Guarded
from gpucarve.facts import modules, ours
from gpucarve.facts.observed import Observed
from gpucarve.model.changes import Action, PutBack
from gpucarve.model.findings import Finding, Verdict
from gpucarve.model.hosts import ResourceKey, Target
from gpucarve.resources.decisions import Batch, Blocked, Change, Decision, Outlook, Settled
from gpucarve.resources.host import own_file
from gpucarve.resources.order import Stage

KIND = "modules-load"
_LINE = re.compile(r"\w+")
_RULE = "what keeps a GPU for guests has to be there at every boot"


def key(target: Target) -> ResourceKey:
    """The one set of modules that gpucarve has loaded at boot on a host."""
    return ResourceKey(target, KIND)


@dataclass(frozen=True, slots=True)
class ModulesLoad:
    """These modules are loaded at boot: `("vfio_pci",)`."""

    stage: ClassVar[Stage] = Stage.BOOT

    key: ResourceKey
    modules: tuple[str, ...]
    needs: tuple[ResourceKey, ...] = ()

    def decide(self, observed: Observed, outlook: Outlook) -> Decision:
        """Settled when some file names each of them; blocked where another keeps one out."""
        found = observed.require(modules.PROBE)
        names = tuple(map(modules.named, self.modules))
        for each in names:
            if each in found.blacklisted:
                fact = f"{each} is kept out by {', '.join(found.blacklisted[each])}"
                return _blocked(self.key, fact, "take it off that blacklist")
        missing = tuple(each for each in names if each not in found.loaded_at_boot)
        if not missing:
            files = dict.fromkeys(file for each in names for file in found.loaded_at_boot[each])
            return Settled(f"{', '.join(names)}: loaded by {', '.join(files)}")
        wanted, now = _content(names), found.ours.get(modules.LOAD)
        if now is not None and not own_file.is_ours(now, _LINE):
            return _not_ours(self.key)
        as_found, there = own_file.as_found(modules.LOAD, now), Sha256.of(modules.LOAD, wanted)
        record = {"kind": KIND, "modules": list(names)}
        return Change(
            Action.CHANGE,
            before=f"nothing loads {', '.join(missing)} at boot",
            after=f"{', '.join(names)} loaded at boot",
            reason="it is not loaded by itself",
            work=Batch(
                (
                    Guarded(Claim(self.key.local, json.dumps(record), (modules.LOAD,)), before=(as_found,)),
                    Guarded(WriteFile(modules.LOAD, wanted), before=(as_found,), wanted=(there,)),
                )
            ),
            preconditions=(as_found,),
            undo=PutBack((modules.LOAD,)),
        )


@dataclass(frozen=True, slots=True)
class ModulesLoadAsBefore:
    """Our file as the claim found it, for `reason`. What is loaded stays loaded until the next boot."""

    stage: ClassVar[Stage] = Stage.BOOT

    key: ResourceKey
    reason: str
    needs: tuple[ResourceKey, ...] = ()

    def decide(self, observed: Observed, outlook: Outlook) -> Decision:
        """Settled when the claim is gone; blocked where somebody else has written into our file."""
        claims = observed.require(ours.PROBE)
        if self.key.local not in claims.claims:
            return Settled("as before")
        now = observed.require(modules.PROBE).ours.get(modules.LOAD)
        if now is not None and not own_file.is_ours(now, _LINE):
            return _not_ours(self.key)
        as_found = own_file.as_found(modules.LOAD, now)
        restore = Guarded(Restore(self.key.local, modules.LOAD), before=(as_found,))
        return Change(
            Action.REMOVE,
            before="loaded at boot by gpucarve's file",
            after="as before",
            reason=self.reason,
            work=Batch((restore, Guarded(Disown(self.key.local)))),
            preconditions=(as_found,),
        )


def _content(names: tuple[str, ...]) -> bytes:
    return own_file.content("what keeps GPUs for guests needs these", names)


def _not_ours(key: ResourceKey) -> Blocked:
    return _blocked(key, f"{modules.LOAD} holds what gpucarve did not write", "move that to a file of another name")


def _blocked(key: ResourceKey, fact: str, fix: str) -> Blocked:
    return Blocked((Finding(key.target, KIND, Verdict.DIFFERS, fact, _RULE, fix),))
