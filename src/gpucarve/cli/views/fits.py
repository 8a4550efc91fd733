"""A fit for people and programs: what was reached and how sure it is, each GPU drawn, and why something does not fit.

Boundary: pure; the picture is `fit_pictures`'.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gpucarve.cli.views import fit_pictures
from gpucarve.cli.views.bars import Segment, drawing
from gpucarve.cli.views.text import Role, Style, count
from gpucarve.layout.fitting import moves
from gpucarve.layout.fitting.answers import Answer, GpuCut, Item
from gpucarve.layout.fitting.boards import Board
from gpucarve.layout.fitting.demand import Demand, Objective
from gpucarve.layout.fitting.refusals import Refusal
from gpucarve.layout.fitting.solutions import Proof, Stage
from gpucarve.layout.fitting.supply import Supply

_CELLS = 48
_NAMES = {
    Objective.FEWEST_GPUS: ("GPU in use", "GPUs in use"),
    Objective.FEWEST_MOVES: ("move", "moves"),
    Objective.FEWEST_DRAINED_NODES: ("drained node", "drained nodes"),
    Objective.LEAST_STRANDED: ("GPU's slices stranded", "GPUs' slices stranded"),
}
_PROOFS = {
    Proof.PRICES: "the least there is, proved by prices",
    Proof.SEARCH: "the least there is, proved by a search to its end",
}
_SHARES = 840


@dataclass(frozen=True, slots=True)
class Fit:
    """What is shown."""

    demand: Demand
    supply: Supply
    answer: Answer
    refusal: Refusal | None


def render(fit: Fit, style: Style) -> str:
    """The verdict, the GPUs, the moves."""
    lines = [*_verdict(fit, style)]
    if fit.refusal:
        lines += _refusal(fit, fit.refusal, style)
    lines += ["", *_gpus(fit, style)]
    lines += _moves(fit, style)
    return "\n".join(lines)


def render_all(told: Sequence[tuple[str, Fit]], style: Style) -> str:
    """Several pools, each under its name."""
    return "\n\n".join(f"{style.paint(Role.HEAD, name)}\n{render(each, style)}" for name, each in told)


def _verdict(fit: Fit, style: Style) -> Iterator[str]:
    if fit.answer.fits:
        yield style.paint(Role.GOOD, "It fits.")
    for stage in fit.answer.stages:
        yield from style.paragraph(_stage(stage, fit), first="  ", rest="    ")


def _stage(stage: Stage, fit: Fit) -> str:
    if stage.objective is None:
        served = sum(each.total for each in fit.demand.requests) - stage.value
        what = f"{stage.value} left out, {served} served"
    elif stage.objective is Objective.LEAST_STRANDED:
        what = f"{stage.value / _SHARES:.2f} {_NAMES[stage.objective][1]}"
    else:
        what = f"{stage.value} {_NAMES[stage.objective][stage.value != 1]}"
    gap = f"the best found in the time; no layout has fewer than {stage.bound}"
    return f"{what}: {_PROOFS.get(stage.proof, gap)}"


def _refusal(fit: Fit, refusal: Refusal, style: Style) -> Iterator[str]:
    asked = [f"{number} of {request}" for request, number in refusal.conflict]
    together = " and ".join([", ".join(asked[:-1]), asked[-1]] if len(asked) > 1 else asked)
    yield from style.paragraph(f"It does not fit: these GPUs do not hold {together}.", role=Role.BAD)
    for line in refusal.blocks:
        yield from style.paragraph(line, first="  ", rest="    ")
    if refusal.room:
        yield f"  {count(len(refusal.room), 'move')} would make room:"
        for each in refusal.room:
            yield f"    {each.what} to {_target(each)}"
    elif any(gpu.standing for gpu in fit.supply.gpus):
        yield "  No move would make room."


def _target(move: moves.Move) -> str:
    if move.to is None:
        return "nowhere: nobody asks for it"
    return f"GPU {move.to.gpu}" + (f" at {move.to.placement}" if move.to.placement else "")


def _gpus(fit: Fit, style: Style) -> Iterator[str]:
    """GPUs that are cut alike stand in one line."""
    alike: dict[tuple[object, ...], list[GpuCut]] = {}
    for gpu, cut in zip(fit.supply.gpus, fit.answer.gpus, strict=True):
        alike.setdefault((gpu.board, cut.items), []).append(cut)
    for (name, _), cuts in alike.items():
        board = fit.supply.boards[str(name)]
        words = named(fit, cuts[0])
        head = f"  {drawing(segments(board, cuts[0]), _CELLS, style)} "
        text = f"{len(cuts)} x {board.name}, {words or 'unused'}: {_numbers(cuts)}"
        yield from style.paragraph(text, first=head, rest="    ")


def _numbers(cuts: list[GpuCut]) -> str:
    names = [each.gpu for each in cuts]
    shown = names if len(names) <= 8 else [*names[:7], "…", names[-1]]
    return f"GPU {', '.join(shown)}"


def named(fit: Fit, cut: GpuCut) -> str:
    """What a GPU carries, in words."""
    found: Counter[str] = Counter()
    for item in cut.items:
        for request, number in item.serves:
            found[str(fit.demand.requests[request])] += number
        if not item.serves:
            found[f"{item.profile or item.kind} (not asked for)"] += 1
    return ", ".join(f"{number} x {name}" for name, number in found.items())


def segments(board: Board, cut: GpuCut) -> list[Segment]:
    """A GPU's cut as parts of it: instances at their places, vGPUs one after the other."""
    found: list[Segment] = []
    for item in cut.items:
        if item.placement is not None:
            start, end = item.placement.start / board.slices, item.placement.end / board.slices
            own = (item.profile, item.profile.partition(".")[0])
            found.append(Segment(start, end, own, role=Role.GOOD if item.stands else Role.HEAD))
            continue
        found += _shares(board, item)
    return found


def _shares(board: Board, item: Item) -> Iterator[Segment]:
    block = board.block(item.kind)
    room = block.number if block else max(item.number, 1)
    for number in range(item.number):
        yield Segment(number / room, (number + 1) / room, (item.kind, item.kind.partition(" ")[0]))


def _moves(fit: Fit, style: Style) -> Iterator[str]:
    found = moves.moves(fit.supply, fit.answer)
    if not found:
        return
    order = moves.order(fit.supply, fit.answer)
    yield ""
    yield f"{count(len(found), 'move')}, in this order:"
    for step in order.steps:
        yield from style.paragraph(f"{'make' if step.make else 'drop'} {step.place}", first="  ", rest="    ")
    for (kind, _), number in order.short.items():
        yield f"  {kind.removeprefix('mig ')} is {number} short in between: there is no room to make it first"


def data(fit: Fit) -> dict[str, Any]:
    """The body of `Fit`."""
    return {
        "fits": fit.answer.fits,
        "solver": fit.answer.solver,
        "objectives": [_stage_data(each, fit) for each in fit.answer.stages],
        "gpus": [
            {
                "gpu": gpu.name,
                "model": gpu.board,
                "node": gpu.node,
                "moves": cut.moves,
                "items": [_item_data(item, fit) for item in cut.items],
            }
            for gpu, cut in zip(fit.supply.gpus, fit.answer.gpus, strict=True)
        ],
        "unmet": [{"want": str(fit.demand.requests[each]), "count": n} for each, n in fit.answer.unmet.items()],
        "refusal": _refusal_data(fit.refusal) if fit.refusal else None,
        "steps": [
            {"make": step.make, "gpu": step.place.gpu, "what": step.place.profile or step.place.kind}
            | {"placement": str(step.place.placement) if step.place.placement else None}
            for step in moves.order(fit.supply, fit.answer).steps
        ]
        if any(each.moves for each in fit.answer.gpus)
        else [],
    }


def _stage_data(stage: Stage, fit: Fit) -> dict[str, Any]:
    prices = zip(fit.answer.kinds, stage.prices, strict=False)
    return {
        "objective": stage.objective.value if stage.objective else "unmet",
        "value": stage.value,
        "bound": stage.bound,
        "proof": stage.proof.value,
        "prices": [{"kind": kind, "tenant": tenant, "price": str(price)} for (kind, tenant), price in prices],
        "earlier": [str(each) for each in stage.earlier],
    }


def _item_data(item: Item, fit: Fit) -> dict[str, Any]:
    return {
        "kind": item.kind,
        "tenant": item.tenant,
        "profile": item.profile or None,
        "placement": str(item.placement) if item.placement else None,
        "stands": item.stands,
        "serves": [{"want": str(fit.demand.requests[each]), "count": number} for each, number in item.serves],
    }


def _refusal_data(refusal: Refusal) -> dict[str, Any]:
    return {
        "conflict": [{"want": str(request), "count": number} for request, number in refusal.conflict],
        "blocks": list(refusal.blocks),
        "room": None
        if refusal.room is None
        else [{"what": str(each.what), "to": str(each.to) if each.to else None} for each in refusal.room],
    }


def svg(fit: Fit) -> str:
    """The GPUs as a picture."""
    rows = [
        (f"{gpu.name}  {gpu.board}", segments(fit.supply.boards[gpu.board], cut), named(fit, cut) or "unused")
        for gpu, cut in zip(fit.supply.gpus, fit.answer.gpus, strict=True)
    ]
    return fit_pictures.picture([_stage(each, fit) for each in fit.answer.stages], rows)
