"""One time-sliced vGPU in a slot of a GPU: defined and started by mdevctl, as a mediated device.

The type is resolved by name on the host at run time, since its number differs by driver. The definition is `manual`:
what must stand before it (virtual functions) is not there yet when mdevctl's own autostart would run.

Boundary: decides on `facts.pci` and `facts.mediated`; where the slot stands is `slots`'. Source: mdevctl(8).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gpucarve import catalog
from gpucarve.calls.predicates import Absent, AtLeast, LinksTo, Predicate
from gpucarve.calls.primitives import Claim, Run
from gpucarve.calls.programs import Guarded
from gpucarve.catalog import VgpuMode, VgpuType
from gpucarve.facts import mediated, pci
from gpucarve.facts.observed import Observed
from gpucarve.model.changes import Action, Assumption, Compensate
from gpucarve.model.findings import Finding, Verdict
from gpucarve.model.hosts import ResourceKey
from gpucarve.model.pci import PciAddress
from gpucarve.resources.decisions import Batch, Blocked, Change, Decision, Outlook, Settled
from gpucarve.resources.host import slots, virtual_functions
from gpucarve.resources.order import Stage

KIND = slots.KIND
_RULE = "a slot takes a free virtual function, and what gpucarve did not make there is left alone"


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
        if clash := self._clash(observed, function):
            return _blocked(self.key, *clash)
        if outlook.wiped_by(virtual_functions.KIND):
            return self._predicted()
        seat = slots.seat(observed, self.key, function, self.earlier)
        devices = observed.require(mediated.PROBE)
        if outlook.waits and (seat is None or seat.uuid not in devices.devices):
            return self._predicted()
        if seat is None:
            return _blocked(self.key, f"{self.gpu} has no free virtual function", "free one, or ask for fewer vGPUs")
        running = devices.devices.get(seat.uuid)
        names = {each.type_id: name for name, each in devices.types.get(seat.virtual_function, {}).items()}
        if astray := self._astray(devices, seat):
            return _blocked(self.key, *astray)
        if running and names.get(running.type_id) != self.type_name:
            fact = f"{seat.uuid} runs as {names.get(running.type_id, running.type_id)}, {self.type_name} is wanted"
            return _blocked(self.key, fact, "somebody replaced it: stop it, and apply again")
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
            return fact, "somebody defined it anew: undefine it with mdevctl, and apply again"
        return None

    def _clash(self, observed: Observed, function: pci.Function) -> tuple[str, str] | None:
        """Fact and fix where a vGPU that others made, adopted or not, is of a kind or size that this one cannot stand
        beside: it stays, whatever is taken away before."""
        devices, known = observed.require(mediated.PROBE), catalog.load()
        wanted = known.vgpu_type(self.type_name)
        for each in slots.made_by_others(observed):
            names = {offered.type_id: name for name, offered in devices.types.get(each.parent, {}).items()}
            other = known.vgpu_type(names.get(each.type_id, ""))
            if each.parent in function.virtual_functions and wanted and other and not _compatible(wanted, other):
                fact = (
                    f"{other.name} {each.uuid} on {each.parent}, which gpucarve did not make, excludes {self.type_name}"
                )
                return fact, "remove it with mdevctl once no guest uses it, or ask for vGPUs of its size"
        return None

    def _predicted(self) -> Change:
        return Change(
            Action.CREATE,
            before="none",
            after=f"{self.type_name}, on a virtual function known then",
            reason="the document asks for it",
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
        claim = Claim(self.key.local, slots.record(self.gpu, self.type_name, seat, devices))
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
            reason="the document asks for it",
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


def _compatible(one: VgpuType, two: VgpuType) -> bool:
    """Whether both may stand on one GPU: both in GPU instances, or both time-sliced and of one size (rules T1, B3)."""
    sliced = [each.mode is VgpuMode.TIME_SLICED for each in (one, two)]
    return not any(sliced) or (all(sliced) and one.framebuffer_mib == two.framebuffer_mib)


def _blocked(key: ResourceKey, fact: str, fix: str) -> Blocked:
    return Blocked((Finding(key.target, KIND, Verdict.DIFFERS, fact, _RULE, fix),))
