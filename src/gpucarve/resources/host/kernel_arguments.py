"""Kernel arguments through GRUB: merged into /etc/default/grub, carried by grub.cfg, in force after a reboot.

Three things are observed on their own, so that a cut between any two is mended: the defaults, the configuration that
`update-grub` derives from them, and the command line of the running kernel.

Boundary: decides on `facts.boot` and `facts.grub`; text edits are `command_line`'s. The claim keeps the defaults as
they were; `AsBefore` brings them and the running command line back.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar

from gpucarve.calls import state
from gpucarve.calls.predicates import Sha256
from gpucarve.calls.primitives import Claim, Disown, Restore, Run, WriteFile
from gpucarve.calls.programs import Guarded
from gpucarve.facts import boot, driver, grub, ours
from gpucarve.facts.observed import Observed, Unreadable
from gpucarve.model.changes import Action, Assumption, Disruption, DisruptionKind, PutBack
from gpucarve.model.findings import Finding, Verdict
from gpucarve.model.hosts import ResourceKey, Target
from gpucarve.resources.decisions import Batch, Blocked, Change, Decision, Outlook, Settled
from gpucarve.resources.host import command_line
from gpucarve.resources.order import Stage

KIND = grub.CLAIM
_REBOOT = Disruption(DisruptionKind.REBOOT, "host")


def key(target: Target) -> ResourceKey:
    """The one set of kernel arguments of a host."""
    return ResourceKey(target, KIND)


@dataclass(frozen=True, slots=True)
class KernelArguments:
    """These arguments are in force: `("intel_iommu=on", "iommu=pt")`."""

    stage: ClassVar[Stage] = Stage.BOOT

    key: ResourceKey
    arguments: tuple[str, ...]
    needs: tuple[ResourceKey, ...] = ()

    def decide(self, observed: Observed, outlook: Outlook) -> Decision:
        """Settled when the running kernel and every boot entry have them."""
        running = observed.require(boot.PROBE)
        loader = observed.require(grub.PROBE)
        if loader is None or not observed.require(driver.PROBE).update_grub:
            return _blocked(
                self.key, "there is no /etc/default/grub with update-grub", "configure the boot loader by hand"
            )
        if loader.link:
            return _linked(self.key, loader)
        active = all(command_line.satisfied(running.command_line, each) for each in self.arguments)
        text = loader.defaults.decode("utf-8", "surrogateescape")
        try:
            wanted = command_line.merge(text, self.arguments).encode("utf-8", "surrogateescape")
        except command_line.NotLiteral as error:
            return _blocked(self.key, f"{grub.DEFAULTS}: {error}", "write the arguments as a plain quoted list")
        derived = _derived(loader, self.arguments)
        knows = (Assumption("kernel arguments in force", str(self.key.target), _yes(active)),)
        if wanted == loader.defaults and derived and active:
            return Settled("in force: " + " ".join(self.arguments), knows)
        return Change(
            Action.CHANGE,
            before=" ".join(self._now(running.command_line)) or "none of them",
            after=" ".join(self.arguments),
            reason="GPUs and vGPUs of guests stand behind the IOMMU",
            work=Batch(self._writes(running, loader, wanted, derived)),
            preconditions=(Sha256.of(grub.DEFAULTS, loader.defaults),) if wanted != loader.defaults else (),
            undo=PutBack((grub.DEFAULTS,)),
            disruption=Disruption() if active else _REBOOT,
            assumes=(Assumption("kernel arguments in force", str(self.key.target), "yes"),),
            takes_reboot=not active,
        )

    def _now(self, tokens: tuple[str, ...]) -> tuple[str, ...]:
        return command_line.values_of(tokens, (command_line.key_of(each) for each in self.arguments))

    def _writes(self, running: boot.Boot, loader: grub.Grub, wanted: bytes, derived: bool) -> tuple[Guarded, ...]:
        record = {
            "kind": KIND,
            "arguments": list(self.arguments),
            "command_line": " ".join(running.command_line),
            "written": Sha256.of(grub.DEFAULTS, wanted).digest,
        }
        now = Sha256.of(grub.DEFAULTS, loader.defaults)
        claim = Guarded(Claim(self.key.local, json.dumps(record), (grub.DEFAULTS,)), before=(now,))
        if wanted != loader.defaults:
            then = Sha256.of(grub.DEFAULTS, wanted)
            return (claim, Guarded(WriteFile(grub.DEFAULTS, wanted), before=(now,), wanted=(then,)), _derive(wanted))
        return () if derived else (claim, _derive(wanted))


@dataclass(frozen=True, slots=True)
class KernelArgumentsAsBefore:
    """The arguments as the claim found them. `command_line` and `written` are from the claim's record."""

    stage: ClassVar[Stage] = Stage.BOOT

    key: ResourceKey
    arguments: tuple[str, ...]
    command_line: str
    written: str
    reason: str
    needs: tuple[ResourceKey, ...] = ()

    def decide(self, observed: Observed, outlook: Outlook) -> Decision:
        """Settled when the claim is gone; it goes once file, configuration and command line are as before."""
        if self.key.local not in observed.require(ours.PROBE).claims:
            return Settled("as before")
        running = observed.require(boot.PROBE)
        loader = observed.require(grub.PROBE)
        if loader is None or loader.kept is None:
            return _blocked(
                self.key, "the copy of /etc/default/grub is gone from the claim", "restore it from a backup"
            )
        if loader.link:
            return _linked(self.key, loader)
        keys = tuple(command_line.key_of(each) for each in self.arguments)
        now = command_line.values_of(running.command_line, keys)
        try:
            wanted = self._wanted(loader.defaults, loader.kept)
            before = self._before(loader.kept, keys)
        except command_line.NotLiteral as error:
            return _blocked(self.key, f"{grub.DEFAULTS}: {error}", "write the arguments as a plain quoted list")
        derived = bool(loader.entries) and all(command_line.values_of(each, keys) in before for each in loader.entries)
        if wanted == loader.defaults and derived and now in before:
            work = Batch((Guarded(Disown(self.key.local), before=(Sha256.of(grub.DEFAULTS, wanted),)),))
            return Change(Action.RELEASE, "as before", "not ours any more", self.reason, work)
        return Change(
            Action.CHANGE,
            before=" ".join(now) or "none of them",
            after=" ".join(before[0]) or "none of them",
            reason=self.reason,
            work=Batch(self._writes(loader, wanted, derived)),
            preconditions=(Sha256.of(grub.DEFAULTS, loader.defaults),) if wanted != loader.defaults else (),
            disruption=Disruption() if now in before else _REBOOT,
            takes_reboot=now not in before,
        )

    def _before(self, kept: bytes, keys: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
        """Our keys as the running kernel had them, and as the kept defaults give them: they differ where somebody had
        edited the file and not booted since."""
        text = kept.decode("utf-8", "surrogateescape")
        return (
            command_line.values_of(self.command_line.split(), keys),
            command_line.values_of(command_line.given(text), keys),
        )

    def _wanted(self, now: bytes, kept: bytes) -> bytes:
        """The kept bytes; where others edited the file since, their edits with only our keys put back."""
        if now == kept or Sha256.of(grub.DEFAULTS, now).digest == self.written:
            return kept
        texts = (now.decode("utf-8", "surrogateescape"), kept.decode("utf-8", "surrogateescape"))
        return command_line.unmerge(*texts, self.arguments).encode("utf-8", "surrogateescape")

    def _writes(self, loader: grub.Grub, wanted: bytes, derived: bool) -> tuple[Guarded, ...]:
        if wanted == loader.defaults:
            return () if derived else (_derive(wanted),)
        exact = wanted == loader.kept
        write = Restore(self.key.local, grub.DEFAULTS) if exact else WriteFile(grub.DEFAULTS, wanted)
        guard = Sha256.of(grub.DEFAULTS, loader.defaults)
        return (Guarded(write, before=(guard,), wanted=(Sha256.of(grub.DEFAULTS, wanted),)), _derive(wanted))


def before(key: ResourceKey, claims: ours.Ours, reason: str, needs: tuple[ResourceKey, ...]) -> KernelArgumentsAsBefore:
    """The way back that a claim holds, for `reason`. Raises Unreadable for one that somebody damaged."""
    arguments = claims.claims[key.local].get("arguments")
    if not isinstance(arguments, list) or not all(isinstance(each, str) for each in arguments):
        raise Unreadable(f"{state.CLAIMS}/{key.local}/record is damaged: it does not say 'arguments'")
    command_line, written = claims.text(key.local, "command_line"), claims.text(key.local, "written")
    return KernelArgumentsAsBefore(key, tuple(arguments), command_line, written, reason, needs)


def _derive(defaults: bytes) -> Guarded:
    """grub.cfg made anew from the defaults that were decided on, and from no others."""
    return Guarded(Run(("update-grub",), deadline=300), before=(Sha256.of(grub.DEFAULTS, defaults),))


def _derived(loader: grub.Grub, arguments: tuple[str, ...]) -> bool:
    return bool(loader.entries) and all(
        command_line.satisfied(entry, each) for entry in loader.entries for each in arguments
    )


def _linked(key: ResourceKey, loader: grub.Grub) -> Blocked:
    fact = f"{grub.DEFAULTS} is a symbolic link to {loader.link}"
    return _blocked(key, fact, "make it a plain file, or change the arguments where that file is managed")


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _blocked(key: ResourceKey, fact: str, fix: str) -> Blocked:
    rule = "kernel arguments are changed through GRUB's defaults"
    return Blocked((Finding(key.target, KIND, Verdict.DIFFERS, fact, rule, fix),))
