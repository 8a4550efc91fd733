"""Demands and supplies to be fitted: by hand, and by chance from a seed.

Boundary: values; the catalog is the real one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from random import Random

from gpucarve import catalog
from gpucarve.layout.fitting import boards
from gpucarve.layout.fitting.demand import Asked, Demand, Mig, Objective, Request, Vgpu
from gpucarve.layout.fitting.supply import Gpu, Grain, Node, Standing, Supply
from gpucarve.model.mig import MigProfileName, Placement
from gpucarve.model.vgpu import VgpuTypeName

KNOWN = catalog.load()
GPUS, MOVES = Objective.FEWEST_GPUS, Objective.FEWEST_MOVES
DRAINED, STRANDED = Objective.FEWEST_DRAINED_NODES, Objective.LEAST_STRANDED
A100, A30, PRO = "a100-sxm4-80gb", "a30", "rtx-pro-6000-blackwell-se"


def many(usual: int) -> int:
    """How many instances by chance: more where GPUCARVE_FIT_INSTANCES says so."""
    return max(usual, int(os.environ.get("GPUCARVE_FIT_INSTANCES", "0")))


def asked(word: str) -> Asked:
    """`1g.10gb` or `A10-8Q`."""
    try:
        return Mig(MigProfileName.parse(word))
    except ValueError:
        return Vgpu(VgpuTypeName.parse(word))


def demand(counts: Mapping[str, int], *objectives: Objective, tenants: Mapping[str, str] | None = None) -> Demand:
    """So many of each."""
    requests = (Request(asked(word), count, (tenants or {}).get(word, "")) for word, count in counts.items())
    return Demand(tuple(requests), objectives or (GPUS,))


def supply(demand: Demand, gpus: Mapping[str, int], **node: object) -> Supply:
    """So many empty GPUs of each model, each on its own."""
    models = [model for name in gpus if (model := KNOWN.gpu_model(name))]
    made = {model.id: boards.board(model, demand.requests, KNOWN) for model in models}
    serving = tuple(
        tuple(dict.fromkeys(each for model in models for each in boards.serving(model, request.asked, KNOWN)))
        for request in demand.requests
    )
    found = tuple(Gpu(f"{name} {number}", name) for name, count in gpus.items() for number in range(count))
    return Supply(made, found, serving)


def standing(text: str, *, kind: str | None = None, tenant: str = "", stays: bool = False) -> Standing:
    """`3g.40gb@4:4`, of its own kind unless another is given."""
    profile, _, place = text.partition("@")
    return Standing(f"mig {profile}" if kind is None else kind, profile, Placement.parse(place), 1, tenant, stays)


def by_chance(random: Random, objectives: tuple[Objective, ...]) -> tuple[Demand, Supply]:
    """A small fleet, partly used, and a demand that it may or may not hold."""
    model = random.choice((A100, A100, A30, "h100-nvl-94gb"))
    profiles = [str(each.name) for each in KNOWN.mig_profiles(model)]
    names = random.sample(profiles, random.randint(1, 3))
    gpus = random.randint(1, 3)
    whole = KNOWN.gpu_model(model)
    assert whole is not None
    found: list[Gpu] = []
    stand: dict[str, int] = dict.fromkeys(names, 0)
    board = boards.board(whole, (), KNOWN)
    node = Node(
        random.choice((Grain.INSTANCE, Grain.INSTANCE, Grain.GPU)),
        chosen_by_driver=random.random() < 0.2,
        closed=random.random() < 0.05,
    )
    for number in range(gpus):
        there = _there(random, board, random.choice((names, profiles)), names) if random.random() < 0.6 else ()
        for each in there:
            if each.kind:
                stand[each.profile] += 1
        found.append(Gpu(f"gpu {number}", model, f"node {number}", there))
    wanted = demand({name: random.randint(0, 4) + random.choice((0, stand[name])) for name in names}, *objectives)
    plain = supply(wanted, {model: 0})
    nodes = {each.node: node if random.random() < 0.7 else Node() for each in found}
    return wanted, Supply(plain.boards, tuple(found), plain.serving, nodes)


def _there(random: Random, board: boards.Board, names: list[str], wanted: list[str]) -> tuple[Standing, ...]:
    found: list[Standing] = []
    weight = 0
    endings: tuple[str, ...] = ()
    for _ in range(random.randint(1, 5)):
        piece = next(each for each in board.room if each.profile == random.choice(names) or each.profile == names[0])
        place = random.choice(piece.placements)
        beside = board.with_ending(endings, piece.ending)
        if weight + piece.weight > board.capacity or not board.allows(beside):
            continue
        if any(place.overlaps(each.placement) for each in found if each.placement):
            continue
        weight, endings = weight + piece.weight, beside
        kind = f"mig {piece.profile}" if piece.profile in wanted else ""
        found.append(Standing(kind, piece.profile, place, 1, "", random.random() < 0.15))
    return tuple(sorted(found, key=lambda each: each.placement or place))
