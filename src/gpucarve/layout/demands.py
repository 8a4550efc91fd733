"""A pool's demand, fitted to the GPUs that its hosts really have: to the layout of each host, or to why there is none.

What stands is kept where that is best, so that the same document gives the same layout again: instances and vGPUs that
are there or that a claim of ours says were there before a reboot. What others made, and what a guest or a process
uses, stays where it is.

Boundary: snapshots to a supply (`observed_supply`), the answer to layouts. A fact of one host that cannot be read
leaves the whole pool without a layout: what stands there would be made a second time elsewhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from gpucarve.catalog import Catalog
from gpucarve.facts import mig, ours, pci
from gpucarve.facts.observed import Observed, Unknown
from gpucarve.layout import geometry, observed_supply, passthrough, vgpus
from gpucarve.layout.cards import Card, refused
from gpucarve.layout.fitting import boards, moves, refusals, solving
from gpucarve.layout.fitting.answers import Answer, GpuCut, Item
from gpucarve.layout.fitting.demand import Demand, Mig, Objective, Passthrough, Request, Sized, Vgpu, Whole
from gpucarve.layout.fitting.supply import Supply
from gpucarve.layout.layouts import CutKind, GpuLayout, HostLayout, Instance, InstanceAt, Relocation
from gpucarve.model.findings import Finding, Verdict
from gpucarve.model.hosts import Target
from gpucarve.model.mig import MigProfileName
from gpucarve.model.vgpu import VgpuTypeName
from gpucarve.spec import Pool, Want

_UNITS = {"Gi": 1024, "Mi": 1}


@dataclass(frozen=True, slots=True)
class Fitted:
    """The layout of each host of a pool, or every reason why there is none; and what moves from host to host."""

    layouts: Mapping[Target, HostLayout | tuple[Finding, ...]]
    relocations: tuple[Relocation, ...] = ()


def lay_out(pool: Pool, observed: Mapping[Target, Observed], catalog: Catalog, silent: Sequence[Target] = ()) -> Fitted:
    """Fit a pool's demand to its hosts. `silent` are those that gave no answer."""
    if reasons := unread(observed, silent):
        return Fitted({each: reasons if each == reasons[0].target else _waits(each, pool) for each in observed})
    asked, supply, cards = question(pool, observed, catalog)
    answer = solving.fit(asked, supply)
    if not answer.fits:
        return Fitted(_refused(pool, asked, supply, answer, tuple(observed)))
    found: dict[Target, HostLayout | tuple[Finding, ...]] = {}
    for target in observed:
        cuts = [(cards[cut.gpu], cut) for cut in answer.gpus if cards[cut.gpu].observed.target == target]
        made = [_gpu(asked, card, cut) for card, cut in cuts if any(each.serves for each in cut.items)]
        wrong = tuple(each for each in made if isinstance(each, Finding))
        found[target] = wrong or HostLayout(tuple(each for each in made if isinstance(each, GpuLayout)))
    return Fitted(found, tuple(_relocations(supply, answer, cards)))


def _relocations(supply: Supply, answer: Answer, cards: Mapping[str, Card]) -> Iterator[Relocation]:
    """Instances that are made at another host before they go at theirs."""
    made: set[moves.Place] = set()
    pairs = {each.what: each.to for each in moves.moves(supply, answer) if each.to}
    for step in moves.order(supply, answer).steps:
        if step.make:
            made.add(step.place)
            continue
        new = pairs.get(step.place)
        if new is None or new not in made or not step.place.profile:
            continue
        if cards[new.gpu].observed.target != cards[step.place.gpu].observed.target:
            yield Relocation(_at(cards, step.place), _at(cards, new))


def _at(cards: Mapping[str, Card], place: moves.Place) -> InstanceAt:
    card, where = cards[place.gpu], place.placement
    if where is None:
        raise ValueError(f"{place} has no place on its GPU")
    return InstanceAt(card.observed.target, card.address, MigProfileName.parse(place.profile), where)


def question(
    pool: Pool, observed: Mapping[Target, Observed], catalog: Catalog
) -> tuple[Demand, Supply, Mapping[str, Card]]:
    """What is asked, of which GPUs, and the card behind each GPU's name."""
    asked = Demand(tuple(request(each) for each in pool.demand), tuple(Objective(each) for each in pool.objective))
    supply, cards = observed_supply.supply(observed, asked.requests, pool.workload, catalog)
    return asked, supply, cards


def unread(observed: Mapping[Target, Observed], silent: Sequence[Target]) -> tuple[Finding, ...]:
    """Why nothing can be fitted to these hosts: who does not answer, and what cannot be read."""
    return (*_unanswered(silent), *(each for seen in observed.values() for each in _unread(seen)))


def request(want: Want) -> Request:
    """One want of the document."""
    match want.kind:
        case "mig" if want.mig is not None:
            return Request(Mig(want.mig), want.count, want.tenant or "", want.spare)
        case "vgpu" if want.vgpu is not None:
            return Request(Vgpu(want.vgpu), want.count, want.tenant or "", want.spare)
        case "vgpuOf" if want.vgpu_of is not None:
            memory = want.vgpu_of.memory
            asked = Sized(int(memory[:-2]) * _UNITS[memory[-2:]], want.vgpu_of.series)
            return Request(asked, want.count, want.tenant or "", want.spare)
        case "passthrough":
            return Request(Passthrough(), want.count, want.tenant or "", want.spare)
        case _:
            return Request(Whole(), want.count, want.tenant or "", want.spare)


def _unanswered(silent: Sequence[Target]) -> list[Finding]:
    rule = "what stands there is not known, and a demand is fitted to all GPUs of its pool"
    fix = "bring the host back, or take it out of the pool"
    return [refused(each, "it does not answer", rule, fix, Verdict.UNKNOWN) for each in silent]


def _unread(observed: Observed) -> list[Finding]:
    read = (observed.get(pci.PROBE), observed.get(mig.PROBE), observed.get(ours.PROBE))
    why = [each.why for each in read if isinstance(each, Unknown)]
    rule = "a demand is fitted to what stands on all GPUs of its pool"
    fix = "find out why, or take the host out of the pool"
    return [refused(observed.target, f"it cannot be read: {each}", rule, fix, Verdict.UNKNOWN) for each in why]


def _waits(target: Target, pool: Pool) -> tuple[Finding, ...]:
    fact = f"the demand of pool {pool.name} cannot be fitted, because of another host of it"
    return (refused(target, fact, "a demand is fitted to all GPUs of its pool", "see that host", Verdict.UNKNOWN),)


def _refused(
    pool: Pool, asked: Demand, supply: Supply, answer: Answer, targets: Sequence[Target]
) -> dict[Target, HostLayout | tuple[Finding, ...]]:
    told = refusals.explain(asked, supply, answer, solving.TIME_LIMIT)
    what = " and ".join(f"{number} of {each}" for each, number in told.conflict)
    fact = f"the {len(supply.gpus)} GPUs of pool {pool.name} do not hold {what}"
    rule = "; ".join(told.blocks) or "each instance has its slices for itself"
    room = ", ".join(f"{each.what} to {each.to}" for each in told.room or () if each.to)
    fix = f"these moves would make room: {room}" if room else "ask for fewer or smaller ones, or add GPUs"
    first, *rest = targets
    found: dict[Target, HostLayout | tuple[Finding, ...]] = {first: (refused(first, fact, rule, fix),)}
    return found | {each: _waits(each, pool) for each in rest}


def _gpu(asked: Demand, card: Card, cut: GpuCut) -> GpuLayout | Finding:
    """One GPU's cut in the words that the platform takes."""
    serving = [each for each in cut.items if each.serves]
    match asked.requests[serving[0].serves[0][0]].asked:
        case Whole():
            mode, reset = geometry.mode(card, wanted=False)
            return GpuLayout(card.address, CutKind.WHOLE, mode, reset)
        case Passthrough():
            return passthrough.lay_out(card)
        case Mig():
            mode, reset = geometry.mode(card, wanted=True)
            made = tuple(_instance(card, each, compute=True) for each in serving)
            return GpuLayout(card.address, CutKind.MIG, mode, reset, instances=made)
        case _:
            return _vgpus(asked, card, serving)


def _vgpus(asked: Demand, card: Card, serving: Sequence[Item]) -> GpuLayout | Finding:
    counts: Counter[VgpuTypeName] = Counter()
    for item in serving:
        for place, number in item.serves:
            known = card.model and boards.type_for(card.model, asked.requests[place].asked, item.kind, card.catalog)
            if known:
                counts[known.name] += number
    found = vgpus.lay_out(card, counts)
    if isinstance(found, Finding) or not found.instances:
        return found
    return replace(found, instances=tuple(_instance(card, each, compute=False) for each in serving))


def _instance(card: Card, item: Item, *, compute: bool) -> Instance:
    profile = MigProfileName.parse(item.profile)
    known = card.catalog.mig_profile(card.model.id, profile) if card.model else None
    if known is None or known.profile_id is None or item.placement is None:
        raise ValueError(f"{item.profile} at {item.placement} is no instance of {card}")
    return Instance(known.name, known.profile_id, item.placement, compute)
