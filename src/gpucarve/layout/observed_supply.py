"""The GPUs of observed hosts as a supply: what they can carry, what stands on them, and what of that stays.

Boundary: facts and claims to values of `fitting.supply`; a GPU that can carry nothing of a demand (not in the catalog,
behind NVSwitches, in a shared IOMMU group, without virtual functions for vGPUs) is left out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from gpucarve.catalog import Catalog, GpuModel
from gpucarve.facts import active_vgpus, mediated, ours, pci, users
from gpucarve.facts.observed import Observed, Unknown
from gpucarve.layout import geometry, passthrough
from gpucarve.layout.cards import Card, card
from gpucarve.layout.fitting import boards, wishes
from gpucarve.layout.fitting.boards import Board
from gpucarve.layout.fitting.demand import Request, Workload
from gpucarve.layout.fitting.supply import Gpu, Node, Standing, Supply
from gpucarve.model.findings import Finding
from gpucarve.model.hosts import Target

_VGPU = re.compile(r"vgpu@(?P<gpu>[^#]+)#(?P<type>.+)\.[0-9]+")
_NO_CARD = Board("none")


def supply(
    observed: Mapping[Target, Observed], requests: Sequence[Request], workload: str, catalog: Catalog
) -> tuple[Supply, Mapping[str, Card]]:
    """The supply, and the card behind each GPU's name. Facts that could not be read count as nothing there."""
    cards = {_name(each): each for seen in observed.values() for each in _cards(seen, workload, catalog)}
    models = {each.model.id: each.model for each in cards.values() if each.model}
    made = {name: boards.board(model, requests, catalog) for name, model in models.items()}
    gpus = tuple(_gpu(name, each, made, requests) for name, each in cards.items() if each.model)
    nodes = {str(target): Node(workload=Workload(workload)) for target in observed}
    return Supply(made, gpus, wishes.serving(tuple(models.values()), requests, catalog), nodes), cards


def _name(each: Card) -> str:
    return f"{each.observed.target} {each.address}"


def _cards(observed: Observed, workload: str, catalog: Catalog) -> Iterator[Card]:
    functions = observed.get(pci.PROBE)
    if isinstance(functions, Unknown):
        return
    for gpu in sorted(functions.gpus, key=lambda each: each.address):
        found = card(gpu, functions, observed, catalog)
        if found.model is None:
            continue
        guests = workload != Workload.CONTAINER.value
        if guests and found.behind_nvswitch("use by guests"):
            continue
        if workload == Workload.VM_VGPU.value and not found.model.sriov_vgpu:
            continue  # this release makes vGPUs on virtual functions only
        if workload == Workload.VM_PASSTHROUGH.value and isinstance(passthrough.lay_out(found), Finding):
            continue
        yield found


def _gpu(name: str, of: Card, made: Mapping[str, Board], requests: Sequence[Request]) -> Gpu:
    model = of.model
    if model is None:
        return Gpu(name, _NO_CARD.name)
    standing = (*_instances(of, made[model.id], requests), *_whole_cards(of, model, requests))
    return Gpu(name, model.id, str(of.observed.target), tuple(sorted(standing, key=_order)))


def _order(each: Standing) -> tuple[int, str, str]:
    return (each.placement.start if each.placement else -1, each.profile, each.kind)


def _instances(of: Card, board: Board, requests: Sequence[Request]) -> Iterator[Standing]:
    """Instances that are there or were before a reboot, under the kind that somebody asks for."""
    own, there = frozenset(geometry.claimed(of)), frozenset(geometry.standing(of))
    stays = (there - own) | frozenset(geometry.held(of)) | (there if _busy(of) else frozenset())
    for spot in sorted(own | there):
        if spot not in there and any(spot.placement.overlaps(each.placement) for each in there):
            continue
        piece = next((each for each in board.pieces if each.profile == spot.name), None)
        kind = piece.kind if piece else ""
        if not kind and spot not in stays:
            continue  # ours, and nobody asks for it any more: it goes before anything is built
        yield Standing(kind, spot.name, spot.placement, 1, _tenant(of, kind, requests), spot in stays)


def _busy(of: Card) -> bool:
    """Whether a process that is no known service has the GPU open."""
    told = of.observed.get(users.PROBE)
    return not isinstance(told, Unknown) and any(not each.unit for each in told.by_gpu.get(of.address, ()))


def _tenant(of: Card, kind: str, requests: Sequence[Request]) -> str:
    """Whose it is: nothing on a host says so, so it is the first tenant's that asks for such a thing on this card."""
    if of.model is None or not kind:
        return ""
    serving = ((each, boards.serving(of.model, each.asked, of.catalog)) for each in requests)
    return next((each.tenant for each, kinds in serving if kind in dict(kinds)), "")


def _whole_cards(of: Card, model: GpuModel, requests: Sequence[Request]) -> Iterator[Standing]:
    """Time-sliced vGPUs that run or are claimed, and a GPU that is bound for passthrough."""
    claims = of.observed.get(ours.PROBE)
    names = [] if isinstance(claims, Unknown) else [str(each) for each in claims.claims]
    if f"vfio-binding@{of.address}" in names:
        yield Standing(boards.PASSTHROUGH, tenant=_tenant(of, boards.PASSTHROUGH, requests))
    claimed = Counter(
        match["type"] for each in names if (match := _VGPU.fullmatch(each)) and match["gpu"] == str(of.address)
    )
    found: Counter[str] = Counter()
    for name in {*claimed, *_running(of)}:
        known = of.catalog.vgpu_type(name)
        if known is None or not known.name.time_sliced:
            continue
        served = [kind for each in requests for kind in _sliced(of, model, each, str(known.name))]
        found[served[0] if served else ""] += max(claimed[name], _running(of)[name])
    for kind, number in sorted(found.items()):
        stays = sum(_running(of).values()) > sum(claimed.values()) or _guests(of)
        if kind or stays:
            yield Standing(kind, "", None, number, _tenant(of, kind, requests), stays)


def _sliced(of: Card, model: GpuModel, request: Request, name: str) -> list[str]:
    """The kinds of a request under which a time-sliced type can stand on this card."""
    kinds = [kind for kind, _ in boards.serving(model, request.asked, of.catalog)]
    return [
        kind
        for kind in kinds
        if (known := boards.type_for(model, request.asked, kind, of.catalog)) and str(known.name) == name
    ]


def _running(of: Card) -> Counter[str]:
    """Time-sliced and MIG-backed vGPUs that run, by type."""
    devices = of.observed.get(mediated.PROBE)
    found: Counter[str] = Counter()
    if not isinstance(devices, Unknown):
        for parent in (of.function.address, *of.function.virtual_functions):
            names = {each.type_id: name for name, each in devices.types.get(parent, {}).items()}
            found.update(names.get(each.type_id, each.type_id) for each in devices.on(parent))
    return found


def _guests(of: Card) -> bool:
    """Whether a guest runs with one of its vGPUs."""
    devices, told = of.observed.get(mediated.PROBE), of.observed.get(active_vgpus.PROBE)
    if isinstance(devices, Unknown):
        return False
    mine = [each for parent in of.function.virtual_functions for each in devices.on(parent)]
    active = {} if isinstance(told, Unknown) else told.by_uuid
    return any(each.users or each.uuid in active for each in mine)
