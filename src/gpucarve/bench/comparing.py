"""Two reports side by side: the figures they share, how many times as fast the second is, and whether that is more
than chance.

A ratio is a ratio: 7.2 times as fast is 620 % faster, and 720 % of the first. Only the first way of saying it is used.

Boundary: pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from gpucarve.bench.reports import Figure, Report


@dataclass(frozen=True, slots=True)
class Comparison:
    """One figure in both. `ratio` is second ÷ first, None where either is too unstable to be a number.

    `apart` says whether the samples of the two do not overlap; None where one of them has a single sample.
    """

    workload: str
    figure: str
    unit: str
    first: Figure
    second: Figure

    @property
    def ratio(self) -> float | None:
        """How many times as fast the second is."""
        return self.second.rate / self.first.rate if self.first.steady and self.second.steady else None

    @property
    def apart(self) -> bool | None:
        """Whether every sample of the one is above every sample of the other."""
        one, two = self.first.samples, self.second.samples
        if min(len(one), len(two)) < 2:
            return None
        return max(one) < min(two) or max(two) < min(one)


def compared(first: Report, second: Report) -> tuple[Comparison, ...]:
    """Every figure that both have, in the first's order; the first workload of a name counts."""
    others = _figures(second)
    return tuple(
        Comparison(workload, name, figure.unit, figure, others[workload, name])
        for (workload, name), figure in _figures(first).items()
        if (workload, name) in others and others[workload, name].unit == figure.unit
    )


def _figures(report: Report) -> dict[tuple[str, str], Figure]:
    found: dict[tuple[str, str], Figure] = {}
    for workload in report.workloads:
        for figure in workload.figures:
            found.setdefault((workload.name, figure.name), figure)
    return found
