"""A GPU drawn as a row of cells: each slice at its place and as wide as its share, dots for what is free.

`[=2-20C=|=2-20C=|=2-20C=|1g=|....]`: MIG instances stand where they stand in the GPU's memory, a vGPU inside its
instance; time-sliced vGPUs follow each other, since they have no place; a passed-through GPU is one block. `-` fills
an instance that has neither a compute instance nor a vGPU. `?` stands where the shares are not known.

Boundary: pure; characters of ASCII alone, so that every terminal and log shows the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gpucarve.cli.views.gpus import GpuRow, Instance, Slice
from gpucarve.cli.views.text import Role, Style
from gpucarve.model.vgpu import VgpuTypeName

_FREE, _TAKEN, _EMPTY, _GIVEN = ".", "=", "-", "#"
_LABELLED = 4  # cells; labels in narrower slices would come and go with the rounding


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of the GPU, from and to in shares of it; of the labels, longest first, the first that fits is shown."""

    start: float
    end: float
    labels: tuple[str, ...]
    fill: str = _TAKEN
    role: Role = Role.GOOD


def bar(row: GpuRow, cells: int, style: Style) -> str:
    """The drawing in brackets, `cells` characters between them."""
    segments = _segments(row)
    return f"[{style.paint(Role.WARN, '?' * cells)}]" if segments is None else drawing(segments, cells, style)


def drawing(segments: Sequence[Segment], cells: int, style: Style) -> str:
    """Segments in their order, in brackets."""
    drawn, position = "", 0
    for segment in segments:
        start, end = round(segment.start * cells), min(round(segment.end * cells), cells)
        drawn += style.paint(Role.FAINT, _FREE * (start - position))
        drawn += style.paint(segment.role, _written(segment, end - start, last=end == cells))
        position = end
    return f"[{drawn}{style.paint(Role.FAINT, _FREE * (cells - position))}]"


def _written(segment: Segment, width: int, *, last: bool) -> str:
    """Fill with the label in its middle, and a stroke that parts it from what follows."""
    stroke = "" if last else "|"
    inner = max(width - len(stroke), 0)
    label = next((each for each in segment.labels if len(each) <= inner), "") if width >= _LABELLED else ""
    return (label.center(inner, segment.fill) + stroke)[:width]


def _segments(row: GpuRow) -> list[Segment] | None:
    """What stands on the GPU in order; None where the shares are not known."""
    if row.passed_through:
        with_companions = [f"passthrough, {len(row.companions)} functions"] if len(row.companions) > 1 else []
        return [Segment(0, 1, (*with_companions, "passthrough", "VM"), _GIVEN)]
    if row.unclear or row.vgpus_unclear or any(not each.most for each in row.slices):
        return None
    if row.mig:
        return _instances(row)
    taken, found = 0.0, []
    for each in row.slices:
        found.append(Segment(taken, min(taken + 1 / each.most, 1.0), _labels(each), role=_role(each)))
        taken = found[-1].end
    return found


def _instances(row: GpuRow) -> list[Segment] | None:
    if not row.memory_slices or any(each.start + each.size > row.memory_slices for each in row.instances):
        return None if row.instances else []
    return [_instance(each, row.memory_slices) for each in row.instances]


def _instance(each: Instance, slices: int) -> Segment:
    start, end = each.start / slices, (each.start + each.size) / slices
    own = (each.profile, each.profile.partition(".")[0])
    if each.vgpu is not None:
        return Segment(start, end, (*_labels(each.vgpu), own[1]), role=_role(each.vgpu))
    return Segment(start, end, own, fill=_TAKEN if each.compute else _EMPTY)


def _labels(vgpu: Slice) -> tuple[str, ...]:
    """The type's name, and the same without its board; a type that is not known by name has its id alone."""
    try:
        board = VgpuTypeName.parse(vgpu.type_name).board
    except ValueError:
        return (vgpu.type_name,)
    return (vgpu.type_name, vgpu.type_name.removeprefix(f"{board}-"))


def _role(vgpu: Slice) -> Role:
    return Role.GOOD if vgpu.owned else Role.WARN
