"""MIG on one GPU: its mode, and which instances stand where.

The catalog's answers for the search of `placements`: what a profile's name means on this card (rule M10), where its
instances may start, how many slices there are, what the ending of a name allows. What already stands at a wanted
profile keeps its place where everything else still fits, those first in which a guest runs; and what is not ours is not
built over without need.

Boundary: the GPU's side of the search; vGPU types are `vgpus`', the words of a refused search `overlaps`'. Source:
NVIDIA MIG user guide (placements, slices, `+me`), nvidia-smi (`[N/A]`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from gpucarve.catalog import mig_rules
from gpucarve.facts import active_vgpus, mediated, ours
from gpucarve.facts.observed import Unknown
from gpucarve.layout import overlaps
from gpucarve.layout.cards import Card, counted
from gpucarve.layout.layouts import Instance
from gpucarve.layout.placements import Spot, Wanted, place
from gpucarve.model.findings import Finding, Verdict
from gpucarve.model.mig import MigAttribute, MigProfileName, Placement

_CLAIM = re.compile(r"gpu-instance@(?P<gpu>[^#]+)#(?P<profile>[^@]+)@(?P<placement>[0-9:]+)")
_BESIDE_ALL_MEDIA = (MigAttribute.ALL_MEDIA, MigAttribute.NO_MEDIA)


@dataclass(frozen=True, slots=True)
class _Kind:
    """Instances of one profile, under its own name on this card: how many, where, of how many compute slices."""

    name: MigProfileName
    number: int
    placements: tuple[Placement, ...]
    slices: int
    count: int


def mode(card: Card, *, wanted: bool) -> tuple[bool | None, bool]:
    """The MIG mode to have, None for a GPU without MIG; and whether changing it resets the GPU (rule M1)."""
    told = card.mig
    if told is not None and told.current is None:
        return None, False
    if card.model is None:
        return (None, False) if told is None else (wanted, True)
    change = mig_rules.mode_change(card.model)
    return (wanted, change is None or change.mode_change != "none") if card.model.mig else (None, False)


def instances(card: Card, counts: Mapping[MigProfileName, int], *, compute: bool) -> tuple[Instance, ...] | Finding:
    """Every instance at its place, in order of places; or why they cannot all be there."""
    if problem := _without_mig(card):
        return problem
    kinds: dict[MigProfileName, _Kind] = {}
    for name, count in counts.items():
        kind = _kind(card, name, count)
        if isinstance(kind, Finding):
            return kind
        more = kinds[kind.name].count if kind.name in kinds else 0
        kinds[kind.name] = replace(kind, count=count + more)
    in_order = sorted(kinds.values(), key=lambda each: (-each.slices, str(each.name)))
    return _against_attributes(card, in_order) or _placed(card, in_order, compute)


def _without_mig(card: Card) -> Finding | None:
    if card.model is None:
        return card.not_known()
    if not card.model.mig:
        rule = "A100, A30, Hopper and the larger Blackwell GPUs have it"
        return card.refused(f"{card} has no MIG", rule, "cut another GPU")
    if card.mig is not None and card.mig.current is None:
        rule = "nvidia-smi says [N/A] where the driver is too old for it, or a workstation board is in display mode"
        fix = "update the driver, or switch the board to compute mode with NVIDIA's Display Mode Selector"
        return card.refused(f"{card} shows no MIG", rule, fix)
    return None


def _kind(card: Card, name: MigProfileName, count: int) -> _Kind | Finding:
    """What the name means on this card, with what it takes to place it."""
    gpu = card.model.id if card.model else ""
    if name.compute is not None:
        rule = "this names a part of a GPU instance, and each GPU instance gets the compute instance that fills it"
        return card.refused(f"{card} is to have {name}", rule, f"ask for {name.gpu_instance}")
    found = card.catalog.mig_profile(gpu, name)
    if found is None:
        rule = f"it has {', '.join(str(each.name) for each in card.catalog.mig_profiles(gpu))}"
        meant = " or ".join(card.catalog.suggest_mig(str(name), gpu))
        fix = f"did you mean {meant}?" if meant else "choose one of those"
        return card.refused(f"{card} has no MIG profile {name}", rule, fix)
    if not found.placements or found.profile_id is None or not found.compute_slices:
        fact = f"where {found.name} may stand on {card} is not in the catalog"
        fix = "report what `nvidia-smi mig -lgip` and `nvidia-smi mig -lgipp` print on such a card"
        return card.refused(fact, "instances are made at exact places", fix, Verdict.UNKNOWN)
    return _Kind(found.name, found.profile_id, found.placements, found.compute_slices, count)


def _against_attributes(card: Card, kinds: Sequence[_Kind]) -> Finding | None:
    """What the endings of names do not allow (rule M7)."""
    for rule in mig_rules.attributes():
        such = [each for each in kinds if each.name.attribute is rule.attribute]
        if rule.max_per_gpu is not None and sum(each.count for each in such) > rule.max_per_gpu:
            ending, most = rule.attribute.value, counted(rule.max_per_gpu, "instance")
            fact = f"{card} is to have {overlaps.listed((each.name, each.count) for each in such)}"
            return card.refused(fact, f"a GPU has at most {most} with {ending}", f"ask for {most} with {ending}")
    all_media = next((each for each in kinds if each.name.attribute is MigAttribute.ALL_MEDIA), None)
    beside = [(each.name, each.count) for each in kinds if each.name.attribute not in _BESIDE_ALL_MEDIA]
    if all_media and beside:
        fact = f"{card} is to have {overlaps.listed(beside)} beside {all_media.name}"
        rule_of_all = "+me.all takes every media engine of the GPU, so the instances beside it are -me"
        return card.refused(fact, rule_of_all, "ask for the others with -me")
    return None


def _placed(card: Card, kinds: Sequence[_Kind], compute: bool) -> tuple[Instance, ...] | Finding:
    table = card.catalog.mig_table(card.model.id) if card.model else None
    capacity = table.compute_slices or 0 if table else 0
    wanted = [Wanted(str(each.name), each.count, each.placements, each.slices) for each in kinds]
    own, there = frozenset(claimed(card)), frozenset(standing(card))
    found = place(wanted, capacity, keep=own | there, spare=there - own, held=frozenset(held(card)))
    if not isinstance(found, tuple):
        return overlaps.refusal(card, wanted, found)
    by_name = {str(each.name): each for each in kinds}
    return tuple(
        Instance(by_name[each.name].name, by_name[each.name].number, each.placement, compute) for each in found
    )


def standing(card: Card) -> Iterator[Spot]:
    """The instances that are there."""
    for each in card.mig.instances if card.mig else ():
        yield _spot(card, each.profile, each.placement)


def held(card: Card) -> Iterator[Spot]:
    """Those of them in which a guest runs with a vGPU: these cannot go."""
    told = card.observed.get(active_vgpus.PROBE)
    devices = card.observed.get(mediated.PROBE)
    if isinstance(told, Unknown) or isinstance(devices, Unknown):
        return
    mine = {each.uuid for parent in card.function.virtual_functions for each in devices.on(parent)}
    numbers = {number for uuid, number in told.by_uuid.items() if uuid in mine}
    for each in card.mig.instances if card.mig else ():
        if each.instance_id in numbers:
            yield _spot(card, each.profile, each.placement)


def claimed(card: Card) -> Iterator[Spot]:
    """The instances that are ours, whether they stand or a reboot has just taken them; none where nobody can tell."""
    kept = card.observed.get(ours.PROBE)
    for claim in () if isinstance(kept, Unknown) else kept.claims:
        match = _CLAIM.fullmatch(claim)
        if match and match["gpu"] == str(card.address):
            try:
                yield _spot(card, MigProfileName.parse_dotted(match["profile"]), Placement.parse(match["placement"]))
            except ValueError:
                continue  # a damaged claim is told by the resource that wrote it; here it is no more than a wish


def _spot(card: Card, name: MigProfileName, placement: Placement) -> Spot:
    """A place under the name that the catalog has for the profile, whichever alias the driver prints."""
    profile = card.catalog.mig_profile(card.model.id, name) if card.model else None
    return Spot(placement, str(profile.name if profile else name))
