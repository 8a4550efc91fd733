"""A slot emptied: the vGPU stopped, undefined and no longer ours, unless a guest uses it.

Boundary: decides on `facts.mediated` and the claim; what the slot carries next is `vgpu`'s. Source: mdevctl(8).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gpucarve.calls.predicates import Absent, LinksTo
from gpucarve.calls.primitives import Disown, Remove, Run
from gpucarve.calls.programs import Guarded
from gpucarve.facts import mediated, ours
from gpucarve.facts.observed import Observed
from gpucarve.model.changes import Action, NothingToUndo
from gpucarve.model.findings import Finding, Verdict
from gpucarve.model.hosts import ResourceKey
from gpucarve.model.pci import PciAddress
from gpucarve.resources.decisions import Batch, Blocked, Change, Decision, Outlook, Settled
from gpucarve.resources.host import slots
from gpucarve.resources.order import Stage

_RULE = "a vGPU is taken away only while nobody uses it, and only where we made it"


@dataclass(frozen=True, slots=True)
class NoVgpu:
    """Nothing of ours in this slot, for `reason`; what was adopted stays and is merely let go of."""

    stage: ClassVar[Stage] = Stage.REMOVE_VGPUS

    key: ResourceKey
    gpu: PciAddress
    reason: str
    needs: tuple[ResourceKey, ...] = ()

    def decide(self, observed: Observed, outlook: Outlook) -> Decision:
        """Settled when the claim is gone; blocked while a guest uses the vGPU."""
        claims = observed.require(ours.PROBE)
        seat = slots.claimed(claims, self.key)
        if seat is None:
            return Settled("none of ours")
        if seat.adopted:
            let_go = Batch((Guarded(Disown(self.key.local)),))
            stays = "stays as it is, and is not ours any more"
            return Change(Action.RELEASE, f"{seat.uuid}, adopted", stays, self.reason, let_go)
        devices = observed.require(mediated.PROBE)
        running = devices.devices.get(seat.uuid)
        if running and running.users:
            fact = f"{seat.uuid} on {seat.virtual_function} is used by {running.users[0]}"
            return _blocked(self.key, fact, "shut that guest down, or move it away")
        if running and running.parent != seat.virtual_function:
            fact = f"{seat.uuid} runs on {running.parent}, not on {seat.virtual_function} where it was made"
            return _blocked(self.key, fact, "find out who put it there, and stop it by hand")
        defined = devices.definitions.get(seat.uuid)
        gone = Absent(mediated.device_path(seat.uuid))
        undefined = Absent(mediated.definition_path(seat.virtual_function, seat.uuid))
        writes: list[Guarded] = []
        if running:
            stop = Run(("mdevctl", "stop", "--uuid", seat.uuid))
            writes.append(Guarded(stop, before=(_runs(running),), wanted=(gone,)))
        if defined and defined.parent == seat.virtual_function:
            where = ("--uuid", seat.uuid, "--parent", str(seat.virtual_function))
            writes.append(Guarded(Run(("mdevctl", "undefine", *where)), before=(gone,), wanted=(undefined,)))
        if self._directory_is_ours(claims, devices, seat):
            directory = f"{mediated.DEFINITIONS}/{seat.virtual_function}"
            writes.append(Guarded(Remove(directory), wanted=(Absent(directory),)))
        return Change(
            Action.REMOVE if writes else Action.RELEASE,
            before=seat.uuid,
            after="none",
            reason=self.reason,
            work=Batch((*writes, Guarded(Disown(self.key.local), before=(gone, undefined)))),
            undo=NothingToUndo(),
        )

    def _directory_is_ours(self, claims: ours.Ours, devices: mediated.Mediated, seat: slots.Seat) -> bool:
        others = any(
            each.parent == seat.virtual_function and each.uuid != seat.uuid for each in devices.definitions.values()
        )
        known = seat.virtual_function in devices.defined_parents
        return known and not others and not claims.claims[self.key.local].get("directory_before")


def _runs(device: mediated.Mdev) -> LinksTo:
    return LinksTo(f"{mediated.device_path(device.uuid)}/mdev_type", f"../mdev_supported_types/{device.type_id}")


def _blocked(key: ResourceKey, fact: str, fix: str) -> Blocked:
    return Blocked((Finding(key.target, slots.KIND, Verdict.DIFFERS, fact, _RULE, fix),))
