"""Kernel arguments: merged where the boot loader keeps them, in force after a reboot.

What the boot loader would start next and what runs now are observed on their own, so that a cut between them is mended.
How the loader is told differs: by /etc/default/grub and update-grub, by entries and grubby, or by somebody else.

Boundary: decides on `facts.boot` and `facts.loader`; each way to change a loader is a module of its own. The claim
keeps what the loader had; `AsBefore` brings it and the running command line back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gpucarve.calls import state
from gpucarve.calls.primitives import Disown
from gpucarve.calls.programs import Guarded
from gpucarve.facts import boot, driver, entries, grub, loader, ours
from gpucarve.facts.observed import Observed, Unreadable
from gpucarve.model.changes import Action, Assumption, Disruption, DisruptionKind, NothingToUndo, PutBack
from gpucarve.model.hosts import ResourceKey, Target
from gpucarve.resources.decisions import Batch, Blocked, Change, Decision, Outlook, Settled
from gpucarve.resources.host import (
    command_line,
    loader_defaults,
    loader_elsewhere,
    loader_entries,
    loader_entries_back,
    loaders,
)
from gpucarve.resources.host.loaders import Ahead, Behind
from gpucarve.resources.order import Stage

KIND = loaders.KIND
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
        """Settled when the running kernel has them, and every one that would be started next."""
        running = observed.require(boot.PROBE).command_line
        active = all(command_line.satisfied(running, each) for each in self.arguments)
        ahead = self._ahead(observed, running)
        if isinstance(ahead, Blocked):
            return ahead
        there = Assumption("kernel arguments in force", str(self.key.target), "yes")
        if active and not ahead.writes:
            note = "in force: " + " ".join(self.arguments)
            return Settled(f"{note}; {ahead.note}" if ahead.note else note, (there,))
        return Change(
            Action.CHANGE,
            before=" ".join(self._now(running)) or "none of them",
            after=" ".join(self.arguments),
            reason="GPUs and vGPUs of guests stand behind the IOMMU",
            work=Batch(ahead.writes),
            preconditions=ahead.preconditions,
            undo=PutBack(ahead.replaces) if ahead.replaces else NothingToUndo(),
            disruption=Disruption() if active else _REBOOT,
            assumes=(there,),
            takes_reboot=not active,
        )

    def _ahead(self, observed: Observed, running: tuple[str, ...]) -> Ahead | Blocked:
        tools, defaults = observed.require(driver.PROBE), observed.require(grub.PROBE)
        match observed.require(loader.PROBE).kind:
            case "grub" if tools.update_grub and defaults is not None:
                return loader_defaults.ahead(self.key, self.arguments, running, defaults)
            case "bls" if tools.grubby:
                found = observed.require(entries.PROBE)
                return loader_entries.ahead(self.key, self.arguments, running, defaults, found)
            case kind:
                found = observed.require(entries.PROBE)
                return loader_elsewhere.ahead(self.key, self.arguments, running, kind, defaults, found)

    def _now(self, tokens: tuple[str, ...]) -> tuple[str, ...]:
        return command_line.values_of(tokens, (command_line.key_of(each) for each in self.arguments))


@dataclass(frozen=True, slots=True)
class KernelArgumentsAsBefore:
    """The arguments as the claim found them.

    From the claim's record: `command_line`; `written`, the digest of /etc/default/grub as we wrote it; whether it was
    about boot loader `entries`, and then as `kernel_options` GRUB's variable `kernelopts`.
    """

    stage: ClassVar[Stage] = Stage.BOOT

    key: ResourceKey
    arguments: tuple[str, ...]
    command_line: str
    written: str
    reason: str
    needs: tuple[ResourceKey, ...] = ()
    entries: bool = False
    kernel_options: str = ""

    def decide(self, observed: Observed, outlook: Outlook) -> Decision:
        """Settled when the claim is gone; it goes once the boot loader and the command line are as before."""
        if self.key.local not in observed.require(ours.PROBE).claims:
            return Settled("as before")
        running = observed.require(boot.PROBE).command_line
        behind = self._behind(observed)
        if isinstance(behind, Blocked):
            return behind
        now = command_line.values_of(running, map(command_line.key_of, self.arguments))
        if not behind.ahead.writes and now in behind.values:
            work = Batch((Guarded(Disown(self.key.local), before=behind.as_before),))
            return Change(Action.RELEASE, "as before", "not ours any more", self.reason, work)
        return Change(
            Action.CHANGE,
            before=" ".join(now) or "none of them",
            after=" ".join(behind.values[0]) or "none of them",
            reason=self.reason,
            work=Batch(behind.ahead.writes),
            preconditions=behind.ahead.preconditions,
            disruption=Disruption() if now in behind.values else _REBOOT,
            takes_reboot=now not in behind.values,
        )

    def _behind(self, observed: Observed) -> Behind | Blocked:
        defaults, earlier = observed.require(grub.PROBE), tuple(self.command_line.split())
        if not self.entries:
            return loader_defaults.behind(self.key, self.arguments, earlier, self.written, defaults)
        before = loader_entries_back.Before(earlier, self.written, self.kernel_options)
        return loader_entries_back.behind(self.key, self.arguments, before, defaults, observed.require(entries.PROBE))


def before(key: ResourceKey, claims: ours.Ours, reason: str, needs: tuple[ResourceKey, ...]) -> KernelArgumentsAsBefore:
    """The way back that a claim holds, for `reason`. Raises Unreadable for one that somebody damaged."""
    record = claims.claims[key.local]
    arguments = record.get("arguments")
    if not isinstance(arguments, list) or not all(isinstance(each, str) for each in arguments):
        raise Unreadable(f"{state.CLAIMS}/{key.local}/record is damaged: it does not say 'arguments'")
    command_line, written = claims.text(key.local, "command_line"), claims.text(key.local, "written")
    of_entries = loader_entries.IN_RECORD in record
    options = claims.text(key.local, loader_entries.IN_RECORD) if of_entries else ""
    return KernelArgumentsAsBefore(key, tuple(arguments), command_line, written, reason, needs, of_entries, options)
