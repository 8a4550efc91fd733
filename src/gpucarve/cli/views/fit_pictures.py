"""Cut GPUs as an SVG picture: one row a GPU, each part at its place and as wide as its share.

Boundary: text and shares to SVG 1.1; every word is escaped, and no script, link or font is in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

from gpucarve.cli.views.bars import Segment
from gpucarve.cli.views.text import Role, printable

_WIDTH, _BAR, _ROW, _LEFT, _TOP = 960, 420, 30, 220, 24
_FILLS = {Role.GOOD: "#8fbf8f", Role.HEAD: "#8fb3d9"}  # what stands already, what is to be made
_FONT = 'font-family="sans-serif" font-size="12"'


def picture(heads: Sequence[str], rows: Sequence[tuple[str, Sequence[Segment], str]]) -> str:
    """`heads` above, then a row for each GPU: its name, its parts, what it carries in words."""
    height = _TOP + 18 * len(heads) + _ROW * len(rows) + 10
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}">',
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
    ]
    for number, text in enumerate(heads):
        lines.append(_text(10, _TOP + 18 * number, text))
    top = _TOP + 18 * len(heads)
    for number, (name, segments, words) in enumerate(rows):
        lines += _row(top + _ROW * number, name, segments, words)
    return "\n".join((*lines, "</svg>"))


def _row(top: int, name: str, segments: Sequence[Segment], words: str) -> list[str]:
    found = [
        _text(10, top + 15, name),
        f'<rect x="{_LEFT}" y="{top}" width="{_BAR}" height="{_ROW - 8}" fill="#f2f2f2" stroke="#999999"/>',
    ]
    for each in segments:
        left, wide = _LEFT + each.start * _BAR, (each.end - each.start) * _BAR
        fill = _FILLS.get(each.role, "#cccccc")
        found.append(
            f'<rect x="{left:.1f}" y="{top}" width="{wide:.1f}" height="{_ROW - 8}" fill="{fill}" stroke="#555555"/>'
        )
        label = next((word for word in each.labels if 7 * len(word) < wide), "")
        if label:
            found.append(_text(left + 4, top + 15, label))
    return [*found, _text(_LEFT + _BAR + 10, top + 15, words)]


def _text(left: float, top: float, words: str) -> str:
    return f'<text x="{left:.1f}" y="{top:.1f}" {_FONT}>{escape(printable(words))}</text>'
