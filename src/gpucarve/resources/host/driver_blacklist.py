"""Drivers of the kernel's own that must not bind GPUs: kept out by a file of ours in modprobe.d.

Files of others are never edited, and one of them that names the module suffices. A module inside the initramfs is not
kept out by a file that was written after the image was made, so the image is made anew where that is the case. File,
image and running kernel are observed on their own, so that a cut between any two is mended.

Boundary: decides on `facts.modules` and `facts.initramfs`; how the image takes the file in is `early_image`'s. Source:
modprobe.d(5).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from gpucarve.calls import state
from gpucarve.calls.flows import Flow, do
from gpucarve.calls.predicates import Sha256
from gpucarve.calls.primitives import Claim, Disown, Restore, Run, WriteFile
from gpucarve.calls.programs import CallState, Guarded
from gpucarve.calls.replies import Done, Failure
from gpucarve.facts import initramfs, modules, ours
from gpucarve.facts.observed import Observed, Unknown, Unreadable
from gpucarve.model.changes import Action, Assumption, Disruption, DisruptionKind, PutBack
from gpucarve.model.findings import Finding, Verdict
from gpucarve.model.hosts import ResourceKey, Target
from gpucarve.resources.decisions import Batch, Blocked, Change, Decision, Outlook, Settled
from gpucarve.resources.host import early_image, own_file
from gpucarve.resources.order import Stage

KIND = modules.BLACKLIST_CLAIM
FACT = "drivers kept out"
_RULE = "a GPU that goes to a guest, or that NVIDIA's driver is to have, must not be bound by another driver at boot"
_LINE = re.compile(r"blacklist \w+")


def key(target: Target) -> ResourceKey:
    """The one set of blacklisted drivers of a host."""
    return ResourceKey(target, KIND)


@dataclass(frozen=True, slots=True)
class DriverBlacklist:
    """These modules do not load by themselves: `("nouveau",)`."""

    stage: ClassVar[Stage] = Stage.BOOT

    key: ResourceKey
    modules: tuple[str, ...]
    needs: tuple[ResourceKey, ...] = ()

    def decide(self, observed: Observed, outlook: Outlook) -> Decision:
        """Settled when some file keeps each of them out and none is loaded."""
        found = observed.require(modules.PROBE)
        drivers = tuple(map(modules.named, self.modules))
        loaded = tuple(each for each in drivers if each in found.loaded)
        missing = tuple(each for each in drivers if each not in found.blacklisted)
        names = ", ".join(drivers)
        knows = (Assumption(FACT, str(self.key.target), "no" if loaded else "yes"),)
        if not loaded and not missing:
            files = dict.fromkeys(file for each in drivers for file in found.blacklisted[each])
            return Settled(f"{names}: kept out by {', '.join(files)}", knows)
        wanted, now = _content(drivers), found.ours.get(modules.BLACKLIST)
        if now is not None and not own_file.is_ours(now, _LINE):
            return _not_ours(self.key)
        # A module that is not loaded is not in the image, or the image keeps it out: there is nothing to look at.
        make = self._make(observed.require(initramfs.PROBE), loaded, now == wanted) if loaded else ()
        return Change(
            Action.CHANGE,
            before=f"{', '.join(loaded)} loaded" if loaded else f"nothing keeps {', '.join(missing)} out",
            after=f"{names} kept out" + (", also in the initramfs" if make else ""),
            reason="a driver of the kernel's own would bind the GPUs first",
            work=Batch(self._writes(now, wanted, loaded, make)),
            preconditions=(own_file.as_found(modules.BLACKLIST, now),) if now != wanted else (),
            undo=PutBack((modules.BLACKLIST,)),
            disruption=Disruption(DisruptionKind.REBOOT, "host") if loaded else Disruption(),
            assumes=(Assumption(FACT, str(self.key.target), "yes"),),
            takes_reboot=bool(loaded),
        )

    def _make(self, image: initramfs.Initramfs, loaded: Sequence[str], same: bool) -> tuple[Guarded, ...]:
        """What makes the image anew, where it holds one of them and not the file as it will be."""
        inside = image.holds is None or bool(image.holds & set(loaded))
        if not image.tool or not inside or (image.carries_blacklist and same):
            return ()
        return (*early_image.taking_blacklist(image.tool), Guarded(early_image.make(image.tool)))

    def _writes(
        self, now: bytes | None, wanted: bytes, loaded: tuple[str, ...], make: tuple[Guarded, ...]
    ) -> tuple[Guarded, ...]:
        record = {"kind": KIND, "modules": list(map(modules.named, self.modules)), "loaded": list(loaded)}
        as_found, there = own_file.as_found(modules.BLACKLIST, now), Sha256.of(modules.BLACKLIST, wanted)
        claim = Guarded(Claim(self.key.local, json.dumps(record), (modules.BLACKLIST,)), before=(as_found,))
        write = Guarded(WriteFile(modules.BLACKLIST, wanted), before=(as_found,), wanted=(there,))
        writes = (claim, write) if now != wanted else (claim,) if make else ()
        return (*writes, *(replace(each, before=(*each.before, there)) for each in make))


@dataclass(frozen=True, slots=True)
class DriverBlacklistAsBefore:
    """Our file as the claim found it, for `reason`, in the image too; what was loaded then is loaded again."""

    stage: ClassVar[Stage] = Stage.BOOT

    key: ResourceKey
    reason: str
    needs: tuple[ResourceKey, ...] = ()

    def decide(self, observed: Observed, outlook: Outlook) -> Decision:
        """Settled when the claim is gone; blocked where somebody else has written into our file."""
        claims = observed.require(ours.PROBE)
        if self.key.local not in claims.claims:
            return Settled("as before")
        found = observed.require(modules.PROBE)
        now = found.ours.get(modules.BLACKLIST)
        if now is not None and not own_file.is_ours(now, _LINE):
            return _not_ours(self.key)
        back = tuple(each for each in _names(claims, self.key, "loaded") if each not in found.loaded)
        image = observed.get(initramfs.PROBE)
        dracut = isinstance(image, Unknown) or image.tool == "dracut"
        return Change(
            Action.REMOVE,
            before="kept out: " + ", ".join(_names(claims, self.key, "modules")),
            after="as before" + (f", {', '.join(back)} loaded" if back else ""),
            reason=self.reason,
            work=lambda: _put_back(self.key, now, back, dracut),
            preconditions=(own_file.as_found(modules.BLACKLIST, now),),
            disruption=Disruption(DisruptionKind.SERVICE, "host") if back else Disruption(),
        )


def _put_back(key: ResourceKey, now: bytes | None, load: tuple[str, ...], dracut: bool) -> Flow[Done | Failure]:
    as_found = own_file.as_found(modules.BLACKLIST, now)
    outcome = yield from do(Guarded(Restore(key.local, modules.BLACKLIST), before=(as_found,)))
    if outcome.state is not CallState.DONE:
        return outcome.failure()
    if dracut:
        taken = yield from do(early_image.taken_back())
        if taken.lost:
            return taken.failure()
    made = yield from early_image.made_anew(lambda image: image.carries_blacklist is True)
    if isinstance(made, Failure):
        return made
    for module in load:
        # As the boot would load it: not where another file keeps it out. Its absence is no reason to stop.
        loaded = yield from do(Guarded(Run(("modprobe", "--use-blacklist", module))))
        if loaded.lost:
            return loaded.failure()
    outcome = yield from do(Guarded(Disown(key.local)))
    return Done() if outcome.state is CallState.DONE else outcome.failure()


def _content(names: Sequence[str]) -> bytes:
    return own_file.content(
        "these drivers would bind GPUs that are not for them", (f"blacklist {each}" for each in names)
    )


def _names(claims: ours.Ours, key: ResourceKey, entry: str) -> tuple[str, ...]:
    found = claims.claims[key.local].get(entry)
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise Unreadable(f"{state.CLAIMS}/{key.local}/record is damaged: it does not say {entry!r}")
    return tuple(found)


def _not_ours(key: ResourceKey) -> Blocked:
    fact = f"{modules.BLACKLIST} holds what gpucarve did not write"
    return _blocked(key, fact, "move that to a file of another name")


def _blocked(key: ResourceKey, fact: str, fix: str) -> Blocked:
    return Blocked((Finding(key.target, KIND, Verdict.DIFFERS, fact, _RULE, fix),))
