"""Why a GPU cannot have the instances that are asked for, in words: what overlaps what.

Boundary: the cause of a refused search to a finding.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gpucarve.layout.cards import Card, counted
from gpucarve.layout.placements import Cause, TooHeavy, Wanted
from gpucarve.model.findings import Finding

_FIX = "ask for fewer instances or smaller ones, or put some on another GPU"


def refusal(card: Card, wanted: Sequence[Wanted], cause: Cause) -> Finding:
    """The cause as a finding about the card."""
    if isinstance(cause, TooHeavy):
        asked = listed((each.name, each.count) for each in wanted)
        fact = f"{asked} need {counted(cause.weight, 'compute slice')}, and {card} has {cause.capacity}"
        return card.refused(fact, "each instance has its compute slices for itself", _FIX)
    rest, left = listed((each.name, each.count) for each in cause.rest), cause.left_out
    take = "takes" if sum(each.count for each in cause.rest) == 1 else "take"
    slices = f"all {cause.slices}" if cause.taken >= cause.slices else f"{cause.taken} of {cause.slices}"
    spare = f"{counted(cause.weight_left, 'compute slice')} {'is' if cause.weight_left == 1 else 'are'}"
    fact = f"{rest} {take} {slices} memory slices of {card}, so no {left.name} is left, although {spare}"
    where = f"{left.name} {_starts(left)}, and instances share no memory slice"
    return card.refused(fact, where, _FIX)


def listed(things: Iterable[tuple[object, int]]) -> str:
    """`4g.40gb, 2g.20gb x2 and 1g.10gb`."""
    words = [f"{name} x{count}" if count > 1 else str(name) for name, count in things]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _starts(wanted: Wanted) -> str:
    starts = [str(each.start) for each in wanted.placements]
    where = f"{', '.join(starts[:-1])} or {starts[-1]}" if len(starts) > 1 else f"{starts[0]} alone"
    return f"takes {counted(wanted.placements[0].size, 'memory slice')}, from {where}"
