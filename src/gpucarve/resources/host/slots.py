"""Which virtual function and UUID each vGPU slot of a GPU has.

A slot is one of the vGPUs of one type on one GPU, so that another type on the card is another slot. A slot that was
claimed keeps what its claim says, for ever. The others take, in their order on the GPU, the virtual functions nobody
uses, in the order of `virtfnN`. A UUID is derived from the address of the virtual function
in Ansible's `to_uuid` namespace, so that a host keeps the UUIDs that stackhpc.linux.vgpu would have given it; that
form says nothing about who owns a vGPU.

Boundary: pure arithmetic on facts.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

from gpucarve.calls import state
from gpucarve.facts import mediated, ours, pci
from gpucarve.facts.observed import Observed, Unreadable
from gpucarve.model.hosts import ResourceKey, Target
from gpucarve.model.pci import PciAddress
from gpucarve.resources.host import boot_lines

KIND = "vgpu"  # the kind of a slot's claim
NAMESPACE = UUID("361e6d51-faec-444a-9079-341386da8e2e")


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a slot's vGPU stands; `adopted` when somebody else made it."""

    virtual_function: PciAddress
    uuid: str
    adopted: bool = False


def uuid_for(virtual_function: PciAddress) -> str:
    """The UUID of the vGPU that we make on a virtual function."""
    return str(uuid5(NAMESPACE, str(virtual_function)))


def claimed(claims: ours.Ours, key: ResourceKey) -> Seat | None:
    """What the claim of a slot says."""
    return _seat_of(claims, key.local) if key.local in claims.claims else None


def seats(claims: ours.Ours) -> tuple[Seat, ...]:
    """Every seat that a claim names. Raises Unreadable for a claim that somebody damaged."""
    return tuple(_seat_of(claims, name) for name, record in claims.claims.items() if record.get("kind") == KIND)


def _seat_of(claims: ours.Ours, claim: str) -> Seat:
    """What a claim says. It becomes part of paths and commands, so it has to be what we write there."""
    try:
        function, uuid = PciAddress.parse(claims.text(claim, "vf")), str(UUID(claims.text(claim, "uuid")))
    except ValueError as error:
        raise Unreadable(f"{state.CLAIMS}/{claim}/record is damaged: {error}") from error
    return Seat(function, uuid, claims.claims[claim].get("adopted") is True)


def key(target: Target, gpu: PciAddress, type_name: str, number: int) -> ResourceKey:
    """A slot of a GPU: which of the vGPUs of one type, counted from 0."""
    return ResourceKey(target, KIND, f"{gpu}#{type_name}.{number}")


def seat(
    observed: Observed, key: ResourceKey, function: pci.Function, earlier: Sequence[ResourceKey] = ()
) -> Seat | None:
    """The seat of a slot, `earlier` ones of the GPU served first; None when no virtual function is free for it."""
    claims = observed.require(ours.PROBE)
    if own := claimed(claims, key):
        return own
    free = free_functions(observed, function)
    place = sum(1 for each in earlier if claimed(claims, each) is None)
    return Seat(free[place], uuid_for(free[place])) if place < len(free) else None


def free_functions(observed: Observed, function: pci.Function) -> tuple[PciAddress, ...]:
    """The virtual functions that no claim names, no device runs on, no definition is made for."""
    devices = observed.require(mediated.PROBE)
    functions = observed.require(pci.PROBE).by_address
    taken = {device.parent for device in devices.devices.values()}
    taken |= {definition.parent for definition in devices.definitions.values()}
    taken |= {each.virtual_function for each in seats(observed.require(ours.PROBE))}
    return tuple(
        address
        for address in function.virtual_functions
        if address not in taken and address in functions and functions[address].driver in ("", "nvidia")
    )


def foreign(observed: Observed, function: pci.Function) -> tuple[mediated.Mdev, ...]:
    """The vGPUs on a GPU's virtual functions that no claim of ours names."""
    devices = observed.require(mediated.PROBE)
    owned = {each.uuid for each in seats(observed.require(ours.PROBE))}
    return tuple(
        device for parent in function.virtual_functions for device in devices.on(parent) if device.uuid not in owned
    )


def made_by_others(observed: Observed) -> tuple[mediated.Mdev, ...]:
    """The vGPUs of the host that we did not make: those that no claim names, and those that were adopted."""
    devices = observed.require(mediated.PROBE).devices
    made = {each.uuid for each in seats(observed.require(ours.PROBE)) if not each.adopted}
    return tuple(device for device in devices.values() if device.uuid not in made)


def record(gpu: PciAddress, type_name: str, seat: Seat, devices: mediated.Mediated) -> str:
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
