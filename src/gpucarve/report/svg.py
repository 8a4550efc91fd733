"""Pictures as SVG text: bars against a limit, bars side by side, a roofline.

Boundary: numbers and words to text; every word is escaped here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDE, _ROW, _NAMES, _VALUES = 760, 26, 210, 190


@dataclass(frozen=True, slots=True)
class Bar:
    """A length from 0 to 1, what it is of, and what stands behind it; `faint` for what it is compared with."""

    name: str
    length: float
    value: str
    faint: bool = False


@dataclass(frozen=True, slots=True)
class Point:
    """A workload in a roofline: operations a byte, operations a second."""

    name: str
    intensity: float
    rate: float


@dataclass(frozen=True, slots=True)
class Roof:
    """A pipe in a roofline, by its operations a second."""

    name: str
    rate: float


def bars(rows: Sequence[Bar], title: str) -> str:
    """Bars of one scale, one below the other."""
    room = _WIDE - _NAMES - _VALUES
    drawn = []
    for place, bar in enumerate(rows):
        top = place * _ROW
        kind = "faint" if bar.faint else "bar"
        length = max(1.0, room * max(0.0, min(1.0, bar.length)))
        drawn.append(
            f'<text x="{_NAMES - 8}" y="{top + 17}" text-anchor="end">{escape(bar.name)}</text>'
            f'<rect class="track" x="{_NAMES}" y="{top + 4}" width="{room}" height="18"/>'
            f'<rect class="{kind}" x="{_NAMES}" y="{top + 4}" width="{length:.1f}" height="18"/>'
            f'<text x="{_NAMES + room + 8}" y="{top + 17}">{escape(bar.value)}</text>'
        )
    return _picture(_WIDE, len(rows) * _ROW + 4, title, "".join(drawn))


def processors(count: int, caption: str, title: str) -> str:
    """A square for each processor, with a line of words below."""
    across, side, most = 44, 16, 2000
    drawn = "".join(
        f'<rect class="bar" x="{place % across * (side + 1)}" y="{place // across * (side + 1)}" width="{side}" '
        f'height="{side}"/>'
        for place in range(min(count, most))
    )
    height = (min(count, most) + across - 1) // across * (side + 1)
    return _picture(_WIDE, height + 24, title, f'{drawn}<text x="0" y="{height + 17}">{escape(caption)}</text>')


def roofline(points: Sequence[Point], bandwidth: float, roofs: Sequence[Roof], title: str) -> str:
    """The roofs that memory (bytes a second) and pipes (operations a second) make, and where workloads lie."""
    ridges, highest = [each.rate / bandwidth for each in roofs], max(each.rate for each in roofs)
    low_x = min([each.intensity for each in points] + ridges) / 4
    high_x = max([each.intensity for each in points] + ridges) * 4
    low_y, high_y = min([each.rate for each in points] + [low_x * bandwidth]) / 2, highest * 3
    width, height, left, bottom = _WIDE, 320, 60, 40

    def x(value: float) -> float:
        return left + (width - left - 20) * math.log(value / low_x) / math.log(high_x / low_x)

    def y(value: float) -> float:
        return (height - bottom) * (1 - math.log(value / low_y) / math.log(high_y / low_y)) + 5

    ridge = highest / bandwidth
    drawn = _line((x(low_x), y(low_x * bandwidth)), (x(ridge), y(highest))) + "".join(
        _line((x(each.rate / bandwidth), y(each.rate)), (x(high_x), y(each.rate)))
        + f'<text x="{x(high_x):.1f}" y="{y(each.rate) - 5:.1f}" text-anchor="end">{escape(each.name)}</text>'
        for each in roofs
    )
    dots = "".join(
        f'<circle class="bar" cx="{x(each.intensity):.1f}" cy="{y(each.rate):.1f}" r="5"/>'
        f'<text x="{x(each.intensity) + 8:.1f}" y="{y(each.rate) + 16:.1f}">{escape(each.name)}</text>'
        for each in points
    )
    axes = (
        f'<text x="{width / 2}" y="{height - 8}" text-anchor="middle">operations a byte of memory, logarithmic</text>'
        f'<text x="12" y="14">operations a second, to {high_y:.2g}</text>'
    )
    return _picture(width, height, title, f"{drawn}{dots}{axes}")


def _line(begin: tuple[float, float], end: tuple[float, float]) -> str:
    return f'<polyline class="roof" points="{begin[0]:.1f},{begin[1]:.1f} {end[0]:.1f},{end[1]:.1f}"/>'


def _picture(width: int, height: int, title: str, inside: str) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title, quote=True)}">'
        f"<title>{escape(title)}</title>{inside}</svg>"
    )
