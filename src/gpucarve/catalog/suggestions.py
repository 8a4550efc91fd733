"""What somebody may have meant by a vGPU type's name that does not exist.

Boundary: names in, names out. A vGPU name has parts, so a slip is sought part by part: a wrong case first, then the
same size on a board that looks alike (A100 for A100D), then the nearest size on the board that was written.
"""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from gpucarve.model.vgpu import VgpuTypeName, strip_prefix

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MOST = 3
_LONGEST = 64
_TELLING = 3  # characters; fewer are a part of nearly every name


def suggest(name: str, known: Sequence[str]) -> tuple[str, ...]:
    """At most three of `known`, the likeliest first; none for something that resembles no name."""
    text = strip_prefix(name.strip())[:_LONGEST]
    by_fold = {other.casefold(): other for other in known}
    if same := by_fold.get(text.replace("_", "-").casefold()):
        return (same,)
    wanted = _parse(text)
    if wanted is None:
        return alike(text, by_fold)
    names = [VgpuTypeName.parse(other) for other in known]
    boards = {other.board.casefold(): other.board for other in names}
    near = [boards[fold] for fold in get_close_matches(wanted.board.casefold(), boards, n=5, cutoff=0.7)]
    moved = [str(replace(wanted, board=board)) for board in near]
    found = [name for name in moved if name in known]
    for board in near[:1]:
        found += _nearest(wanted, [other for other in names if other.board == board])
    return tuple(dict.fromkeys(found))[:_MOST] or alike(text, by_fold)


def alike(text: str, by_fold: Mapping[str, str]) -> tuple[str, ...]:
    """At most three of the values whose keys, in lower case, are nearly the text, or else contain it."""
    wanted = text.strip()[:_LONGEST].casefold()
    folds = get_close_matches(wanted, by_fold, n=_MOST, cutoff=0.75)
    if not folds and len(wanted) >= _TELLING:
        folds = sorted((fold for fold in by_fold if wanted in fold), key=lambda fold: (len(fold), fold))
    return tuple(dict.fromkeys(by_fold[fold] for fold in folds))[:_MOST]


def _parse(text: str) -> VgpuTypeName | None:
    for spelling in (text, text.upper()):
        try:
            return VgpuTypeName.parse(spelling)
        except ValueError:
            continue
    return None


def _nearest(wanted: VgpuTypeName, mates: Sequence[VgpuTypeName]) -> tuple[str, ...]:
    """Names of one board: the series asked for, of the same kind (time-sliced or MIG-backed), nearest in size."""
    kin = [name for name in mates if name.series == wanted.series and name.time_sliced == wanted.time_sliced]
    kin.sort(
        key=lambda name: (
            abs(name.gigabytes - wanted.gigabytes),
            name.slices != wanted.slices,
            name.suffix != wanted.suffix,
        )
    )
    return tuple(str(name) for name in kin[:_MOST])
