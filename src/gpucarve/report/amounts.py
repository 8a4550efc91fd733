"""Rates and ratios in words.

Boundary: numbers to text. GB is 10^9 bytes.
"""

from __future__ import annotations

_STEPS = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def rate(value: float, unit: str) -> str:
    """`4.21 TB/s`, `116.8 GH/s`."""
    scale, prefix = next(((scale, prefix) for scale, prefix in _STEPS if value >= scale), (1.0, ""))
    return f"{value / scale:.4g} {prefix}{unit}/s"


def percent(part: float) -> str:
    """`97.3 %`."""
    return f"{100 * part:.1f} %"


def times(ratio: float) -> str:
    """`7.20 times as fast`; below one, `0.48 times as fast`."""
    return f"{ratio:.2f} times as fast"
