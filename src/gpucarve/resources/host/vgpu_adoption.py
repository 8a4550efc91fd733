"""A vGPU that somebody else made becomes ours: our record alone is written, the device is not touched.

Boundary: decides on `facts.mediated`; which one fits a slot is the order of the virtual functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gpucarve.calls.primitives import Claim
from gpucarve.calls.programs import Guarded
from gpucarve.facts import mediated, ours, pci
from gpucarve.facts.observed import Observed
from gpucarve.model.changes import Action
from gpucarve.model.hosts import ResourceKey
from gpucarve.model.pci import PciAddress
from gpucarve.resources.decisions import Batch, Change, Decision, Outlook, Settled
from gpucarve.resources.host import slots
from gpucarve.resources.order import Stage


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
            work=Batch((Guarded(Claim(self.key.local, slots.record(self.gpu, self.type_name, seat, devices))),)),
        )


def _is_of(devices: mediated.Mediated, device: mediated.Mdev, type_name: str) -> bool:
    offered = devices.types.get(device.parent, {}).get(type_name)
    return offered is not None and offered.type_id == device.type_id
