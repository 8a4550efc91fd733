"""What people ask for in a few words, and GPUs that they only think of: `3g.40gb`, `8Gi/Q`, `A100-SXM4-80GB`.

Boundary: words to a demand and a supply without any host; a snapshot becomes a supply in `layout.demands`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from gpucarve.catalog import Catalog, GpuModel
from gpucarve.layout.fitting import boards
from gpucarve.layout.fitting.demand import Asked, Mig, Passthrough, Request, Sized, Vgpu, Whole
from gpucarve.layout.fitting.supply import Gpu, Node, Standing, Supply
from gpucarve.model.mig import MigProfileName, Placement
from gpucarve.model.vgpu import VgpuTypeName

_SIZED = re.compile(r"(?P<number>[1-9][0-9]{0,5})(?P<unit>Gi|Mi)/(?P<series>[ABCQ])")
_UNITS = {"Gi": 1024, "Mi": 1}


def asked(word: str) -> Asked:
    """A MIG profile, a vGPU type, a size and series (`8Gi/Q`), `whole` or `passthrough`. Raises ValueError."""
    if word == "whole":
        return Whole()
    if word == "passthrough":
        return Passthrough()
    if match := _SIZED.fullmatch(word):
        return Sized(int(match["number"]) * _UNITS[match["unit"]], match["series"])
    try:
        return Mig(MigProfileName.parse(word))
    except ValueError:
        pass
    try:
        return Vgpu(VgpuTypeName.parse(word))
    except ValueError:
        how = "1g.10gb, A10-8Q, 8Gi/Q, whole or passthrough"
        raise ValueError(f"{word!r} is nothing that a GPU can carry, such as {how}") from None


def serving(
    models: Sequence[GpuModel], requests: Sequence[Request], catalog: Catalog
) -> tuple[tuple[tuple[str, int], ...], ...]:
    """The kinds that serve each request on cards of these models."""
    return tuple(
        tuple(dict.fromkeys(each for model in models for each in boards.serving(model, request.asked, catalog)))
        for request in requests
    )


def supply(
    gpus: Sequence[tuple[GpuModel, int]],
    requests: Sequence[Request],
    catalog: Catalog,
    *,
    of_a_node: int = 1,
    node: Node,
) -> Supply:
    """So many GPUs of each model, empty, numbered from 0 through all; `of_a_node` of a model share a node."""
    found: list[Gpu] = []
    for model, count in gpus:
        for number in range(count):
            owner = f"{model.id}-{number // of_a_node}"
            found.append(Gpu(f"{len(found)}", model.id, owner))
    made = {model.id: boards.board(model, requests, catalog) for model, _ in gpus}
    names = dict.fromkeys(each.node for each in found)
    kinds = serving([model for model, _ in gpus], requests, catalog)
    return Supply(made, tuple(found), kinds, dict.fromkeys(names, node))


def occupied(supply: Supply, there: Mapping[int, Sequence[tuple[MigProfileName, int]]], *, stays: bool) -> Supply:
    """The supply with MIG instances on some of its GPUs, each profile from a first slice. Raises ValueError."""
    gpus = list(supply.gpus)
    for number, spots in there.items():
        if number >= len(gpus):
            raise ValueError(f"there is no GPU {number}: there are {len(gpus)}, and the first is 0")
        board = supply.boards[gpus[number].board]
        standing: list[Standing] = []
        for profile, start in spots:
            known = board.room_of(str(profile))
            places = [each for each in known.placements if each.start == start] if known else []
            if known is None or not places:
                raise ValueError(f"{profile} does not stand from slice {start} on a {board.name}")
            _check_free(places[0], standing, number)
            kind = f"mig {profile}" if any(each.kind == f"mig {profile}" for each in board.pieces) else ""
            standing.append(Standing(kind, str(profile), places[0], stays=stays))
        gpus[number] = replace(gpus[number], standing=tuple(sorted(standing)))
    return replace(supply, gpus=tuple(gpus))


def _check_free(place: Placement, standing: Sequence[Standing], number: int) -> None:
    for each in standing:
        if each.placement is not None and each.placement.overlaps(place):
            raise ValueError(f"what stands on GPU {number} overlaps at slice {place.start}")
