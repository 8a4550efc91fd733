"""Which GPU instances of a GPU are ours, and which others made.

A GPU instance of ours is known by its GPU, profile and placement: the driver's ids change with every making.

Boundary: keys, claims and their comparison with `facts.mig`; what is made and destroyed is `gpu_instance`'s.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from gpucarve.calls import state
from gpucarve.facts import mig, ours
from gpucarve.facts.observed import Observed, Unreadable
from gpucarve.model.hosts import ResourceKey, Target
from gpucarve.model.mig import MigProfileName, Placement
from gpucarve.model.pci import PciAddress
from gpucarve.resources.host import boot_lines

KIND = "gpu-instance"


@dataclass(frozen=True, slots=True)
class Place:
    """A GPU instance as a claim says it; `adopted` when somebody else made it."""

    gpu: PciAddress
    profile: MigProfileName
    placement: Placement
    adopted: bool = False

    def is_at(self, instance: mig.GpuInstance) -> bool:
        """Whether an instance of its GPU is the one that is meant."""
        return (instance.profile, instance.placement) == (self.profile, self.placement)


def key(target: Target, gpu: PciAddress, profile: MigProfileName, placement: Placement) -> ResourceKey:
    """The instance of a profile at a placement of a GPU: `0000:65:00.0#2g.20gb@4:2`."""
    return ResourceKey(target, KIND, f"{gpu}#{profile.dotted}@{placement}")


def record(place: Place, boot: str = "") -> str:
    """What the claim of an instance says; without a boot line what was adopted, which is left to whoever made it."""
    fields: dict[str, object] = {
        "kind": KIND,
        "gpu": str(place.gpu),
        "profile": str(place.profile),
        "placement": str(place.placement),
        "adopted": place.adopted,
    }
    return json.dumps(fields | ({boot_lines.FIELD: boot} if boot else {}))


def claimed(claims: ours.Ours, key: ResourceKey) -> Place | None:
    """What the claim of an instance says. Raises Unreadable for one that somebody damaged."""
    return _place(claims, key.local) if key.local in claims.claims else None


def ours_on(claims: ours.Ours, gpu: PciAddress) -> tuple[Place, ...]:
    """The instances of a GPU that claims name. Raises Unreadable for a claim that somebody damaged."""
    named = (_place(claims, name) for name, each in claims.claims.items() if each.get("kind") == KIND)
    return tuple(place for place in named if place.gpu == gpu)


def foreign_on(observed: Observed, gpu: PciAddress) -> tuple[mig.GpuInstance, ...]:
    """The instances that stand on a GPU and that no claim names."""
    own = ours_on(observed.require(ours.PROBE), gpu)
    return tuple(each for each in _standing(observed, gpu) if not any(place.is_at(each) for place in own))


def made_by_others(observed: Observed, gpu: PciAddress) -> tuple[mig.GpuInstance, ...]:
    """The instances on a GPU that we did not make: those that no claim names, and those that were adopted."""
    made = [place for place in ours_on(observed.require(ours.PROBE), gpu) if not place.adopted]
    return tuple(each for each in _standing(observed, gpu) if not any(place.is_at(each) for place in made))


def name(instance: mig.GpuInstance) -> str:
    """An instance as people find it in nvidia-smi's table."""
    return f"GPU instance {instance.instance_id} ({instance.profile} at {instance.placement})"


def _standing(observed: Observed, gpu: PciAddress) -> tuple[mig.GpuInstance, ...]:
    found = mig.at(observed, gpu)
    return found.instances if found else ()


def _place(claims: ours.Ours, claim: str) -> Place:
    try:
        return Place(
            PciAddress.parse(claims.text(claim, "gpu")),
            MigProfileName.parse(claims.text(claim, "profile")),
            Placement.parse(claims.text(claim, "placement")),
            claims.claims[claim].get("adopted") is True,
        )
    except ValueError as error:
        raise Unreadable(f"{state.CLAIMS}/{claim}/record is damaged: {error}") from error
