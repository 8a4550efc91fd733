"""One time-sliced vGPU in a slot of a GPU: defined and started by mdevctl, as a mediated device.

The type is resolved by name on the host at run time, since its number differs by driver. The definition is `manual`:
what must stand before it (virtual functions) is not there yet when mdevctl's own autostart would run.

Boundary: decides on `facts.pci` and `facts.mediated`; where the slot stands is `slots`'. Source: mdevctl(8).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar

from gpucarve.calls.predicates import Absent, AtLeast, LinksTo, Predicate
from gpucarve.calls.primitives import Claim, Disown, Remove, Run
from gpucarve.calls.programs import Guarded
from gpucarve.facts import mediated, ours, pci
from gpucarve.facts.observed import Observed
from gpucarve.model.changes import Action, Assumption, Compensate, NothingToUndo
from gpucarve.model.findings import Finding, Verdict
from gpucarve.model.hosts import ResourceKey
from gpucarve.model.pci import PciAddress
from gpucarve.resources.decisions import Batch, Blocked, Change, Decision, Outlook, Settled
from gpucarve.resources.host import boot_lines, slots
from gpucarve.resources.order import Stage

KIND = slots.KIND
_RULE = "what gpucarve did not make is left alone, and what a guest uses is not touched"


@dataclass(frozen=True, slots=True)
class Vgpu:
    """A vGPU of `type_name` (`A100D-40C`) in this slot.

    `capacity` is how many vGPUs the GPU holds as it is laid out, `earlier` are its slots that are served before.
    """

    stage: ClassVar[Stage] = Stage.CREATE_VGPUS

    key: ResourceKey
    gpu: PciAddress
    type_name: str
    capacity: int
    earlier: tuple[ResourceKey, ...] = ()
    needs: tuple[ResourceKey, ...] = ()

    def decide(self, observed: Observed, outlook: Outlook) -> Decision:
        """Settled when it runs with the wanted type, is defined and is ours."""
        function = pci.at(observed, self.gpu)
        if outlook.wiped:
            return self._predicted()
        seat = slots.seat(observed, self.key, function, self.earlier)
        if seat is None:
            return _blocked(self.key, f"{self.gpu} has no free virtual function", "free one, or ask for fewer vGPUs")
        devices = observed.require(mediated.PROBE)
        running = devices.devices.get(seat.uuid)
        names = {each.type_id: name for name, each in devices.types.get(seat.virtual_function, {}).items()}
        if astray := self._astray(devices, seat):
            return _blocked(self.key, *astray)
        if running and names.get(running.type_id) != self.type_name:
            fact = f"{seat.uuid} runs as {names.get(running.type_id, running.type_id)}, {self.type_name} is wanted"
            return _blocked(
                self.key, fact, "a vGPU's type is not changed in place by this version: roll back, then apply"
            )
        if running and (seat.adopted or seat.uuid in devices.definitions):
            knows = (Assumption("vGPU type", self.key.subject, self.type_name),)
            return Settled(f"{self.type_name} {seat.uuid} on {seat.virtual_function}", knows)
        return self._create(observed, function, seat, running is not None)

    def _astray(self, devices: mediated.Mediated, seat: slots.Seat) -> tuple[str, str] | None:
        """Fact and fix where the slot's UUID stands elsewhere, or is defined as something else."""
        running, defined = devices.devices.get(seat.uuid), devices.definitions.get(seat.uuid)
        for each, how in ((running, "runs"), (defined, "is defined")):
            if each and each.parent != seat.virtual_function:
                fact = f"{seat.uuid} {how} on {each.parent}, not on {seat.virtual_function}"
                return fact, "find out who put it there; gpucarve uses one UUID for one virtual function"
        offered = devices.types.get(seat.virtual_function, {}).get(self.type_name)
        if defined and offered and not running and defined.type_id != offered.type_id:
            fact = f"{seat.uuid} is defined as {defined.type_id}; {self.type_name} is {offered.type_id} here"
            return fact, "a vGPU's type is not changed in place by this version: roll back, then apply"
        return None

    def _predicted(self) -> Change:
        return Change(
            Action.CREATE,
            before="none",
            after=f"{self.type_name}, on a virtual function known then",
            reason=f"the document asks for {self.type_name}",
            undo=Compensate("no vGPU in this slot"),
            assumes=(Assumption("vGPU type", self.key.subject, self.type_name),),
        )

    def _create(self, observed: Observed, function: pci.Function, seat: slots.Seat, running: bool) -> Change | Blocked:
        devices = observed.require(mediated.PROBE)
        offered = devices.types.get(seat.virtual_function, {}).get(self.type_name)
        if offered is None:
            fact = f"{seat.virtual_function} does not offer {self.type_name}"
            return _blocked(self.key, fact, "use a type that `gpucarve discover` lists for this GPU")
        others = slots.foreign(observed, function)
        if not running and (len(self.earlier) + len(others) >= self.capacity or offered.available < 1):
            return self._no_room(others)
        start: tuple[Predicate, ...] = (
            Absent(mediated.device_path(seat.uuid)),
            AtLeast(mediated.type_path(seat.virtual_function, offered.type_id, "available_instances"), 1),
        )
        link = LinksTo(f"{mediated.device_path(seat.uuid)}/mdev_type", f"../mdev_supported_types/{offered.type_id}")
        claim = Claim(self.key.local, _record(self.gpu, self.type_name, seat, devices))
        writes = [Guarded(claim, before=() if running else start)]
        if seat.uuid not in devices.definitions:
            define = ("mdevctl", "define", "--uuid", seat.uuid, "--parent", str(seat.virtual_function))
            undefined = (Absent(mediated.definition_path(seat.virtual_function, seat.uuid)),)
            writes.append(Guarded(Run((*define, "--type", offered.type_id)), before=undefined))
        where = ("--uuid", seat.uuid, "--parent", str(seat.virtual_function))
        writes.append(Guarded(Run(("mdevctl", "start", *where)), before=start, wanted=(link,)))
        return Change(
            Action.CREATE,
            before="none",
            after=f"{self.type_name} {seat.uuid} on {seat.virtual_function}",
            reason=f"the document asks for {self.type_name}",
            work=Batch(tuple(writes)),
            preconditions=start,
            undo=Compensate("no vGPU in this slot"),
            assumes=(Assumption("vGPU type", self.key.subject, self.type_name),),
        )

    def _no_room(self, others: tuple[mediated.Mdev, ...]) -> Blocked:
        held = ", ".join(f"{each.uuid} ({each.users[0]})" if each.users else each.uuid for each in others)
        fact = f"{self.gpu} holds at most {self.capacity} vGPUs as it is laid out for {self.type_name}" + (
            f"; gpucarve did not make {held}" if held else ", and none is left"
        )
        return _blocked(
            self.key, fact, "adopt those vGPUs with `gpucarve adopt`, or remove them" if held else "ask for fewer"
        )


@dataclass(frozen=True, slots=True)
class AdoptedVgpu:
    """A vGPU of `type_name` that somebody else made becomes ours, in this slot: our own record alone is written.

    `earlier` are the slots of the same type that are served before.
    """

    stage: ClassVar[Stage] = Stage.CREATE_VGPUS

    key: ResourceKey
    gpu: PciAddress
    type_name: str
    earlier: tuple[ResourceKey, ...] = ()
    needs: tuple[ResourceKey, ...] = ()

    def decide(self, observed: Observed, outlook: Outlook) -> Decision:
        """Settled when the slot is claimed, or when there is nothing that fits to adopt."""
        function = pci.at(observed, self.gpu)
        claims = observed.require(ours.PROBE)
        if seat := slots.claimed(claims, self.key):
            return Settled(f"ours: {seat.uuid} on {seat.virtual_function}")
        devices = observed.require(mediated.PROBE)
        fitting = [each for each in slots.foreign(observed, function) if _is_of(devices, each, self.type_name)]
        place = sum(1 for each in self.earlier if slots.claimed(claims, each) is None)
        if place >= len(fitting):
            return Settled(f"no further {self.type_name} of others on {self.gpu}")
        found = fitting[place]
        seat = slots.Seat(found.parent, found.uuid, adopted=True)
        return Change(
            Action.ADOPT,
            before=f"{self.type_name} {found.uuid}, not ours",
            after="ours",
            reason="adoption was asked for",
            work=Batch((Guarded(Claim(self.key.local, _record(self.gpu, self.type_name, seat, devices))),)),
        )


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
            return Change(Action.RELEASE, f"{seat.uuid}, adopted", "not ours any more", self.reason, let_go)
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


def _is_of(devices: mediated.Mediated, device: mediated.Mdev, type_name: str) -> bool:
    offered = devices.types.get(device.parent, {}).get(type_name)
    return offered is not None and offered.type_id == device.type_id


def _record(gpu: PciAddress, type_name: str, seat: slots.Seat, devices: mediated.Mediated) -> str:
    """What the claim of a slot says: the seat, for ever, what was there before, and how it comes back after a boot:
    what was adopted is left to whoever made it."""
    record: dict[str, object] = {
        "kind": KIND,
        "gpu": str(gpu),
        "vf": str(seat.virtual_function),
        "uuid": seat.uuid,
        "type": type_name,
        "adopted": seat.adopted,
        "directory_before": seat.virtual_function in devices.defined_parents,
    }
    if not seat.adopted:
        record[boot_lines.FIELD] = boot_lines.line(KIND, seat.uuid, seat.virtual_function)
    return json.dumps(record)


def _runs(device: mediated.Mdev) -> LinksTo:
    return LinksTo(f"{mediated.device_path(device.uuid)}/mdev_type", f"../mdev_supported_types/{device.type_id}")


def _blocked(key: ResourceKey, fact: str, fix: str) -> Blocked:
    return Blocked((Finding(key.target, KIND, Verdict.DIFFERS, fact, _RULE, fix),))
