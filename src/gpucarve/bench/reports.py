"""A report: what ran where, what was checked, and how fast it was beside what the device can do.

Boundary: values. Rates are per second, in the unit's base (B, H, FLOP, queries).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from statistics import median, quantiles
from typing import Any

STEADY = 0.10  # the middle half of a figure's samples may span so much of their median


class Standing(Enum):
    """What became of a workload, best first."""

    SHARE = "share"  # it ran, checked, at a share of what the device can do
    RUNS = "runs"  # it ran and was checked; there is no limit to hold its figures against, or no figures
    UNSTABLE = "unstable"  # it ran and was checked; its samples differ too much to be a figure
    WRONG = "wrong"  # it ran, and its results are not right
    FAILED = "failed"  # it began and did not come to an end
    REFUSED = "refused"  # it cannot run there


@dataclass(frozen=True, slots=True)
class Limit:
    """What a figure is held against: a rate, what it is, and where it comes from."""

    rate: float
    what: str
    source: str


@dataclass(frozen=True, slots=True)
class Figure:
    """One rate: its samples, in units a second, and the limits it has.

    The first limit is the one that the verdict is about. A single sample comes of an output that gives no more.
    """

    name: str
    unit: str
    samples: tuple[float, ...]
    limits: tuple[Limit, ...] = ()

    @property
    def rate(self) -> float:
        """The median."""
        return median(self.samples)

    @property
    def spread(self) -> float | None:
        """The middle half of the samples, as a share of the median; None of fewer than four."""
        if len(self.samples) < 4:
            return None
        low, _, high = quantiles(self.samples, n=4, method="inclusive")
        return (high - low) / self.rate

    @property
    def steady(self) -> bool:
        """Whether it may be told as a number."""
        return self.spread is None or self.spread <= STEADY

    @property
    def share(self) -> float | None:
        """The part of its first limit; None without one, or where the samples differ too much."""
        return self.rate / self.limits[0].rate if self.limits and self.steady else None


@dataclass(frozen=True, slots=True)
class Check:
    """Results that were compared: by the host or by the device itself, how many were wrong of how many."""

    what: str
    by: str
    wrong: int
    of: int


@dataclass(frozen=True, slots=True)
class Workload:
    """One workload on one device. `why` and `fix` tell of what stands in the way; `facts` are beside the figures."""

    name: str
    standing: Standing
    device: str = ""
    checks: tuple[Check, ...] = ()
    figures: tuple[Figure, ...] = ()
    why: str = ""
    fix: str = ""
    notes: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    def verdict(self) -> str:
        """One sentence."""
        match self.standing:
            case Standing.SHARE:
                best = self.leading()
                if best is None:
                    return "runs"
                return f"runs at {100 * (best.share or 0):.1f} % of {best.limits[0].what} ({best.name})"
            case Standing.RUNS:
                return f"runs; {self.why}" if self.why else "runs"
            case Standing.UNSTABLE:
                return f"runs; {self.why}"
            case Standing.WRONG | Standing.FAILED | Standing.REFUSED:
                return f"does not run: {self.why}" if self.standing is Standing.REFUSED else self.why

    def leading(self) -> Figure | None:
        """The figure with the largest share of its limit."""
        with_share = [figure for figure in self.figures if figure.share is not None]
        return max(with_share, key=lambda figure: figure.share or 0.0) if with_share else None


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """A device and what its driver, or an output, says of it. Names of facts are those of `gpucarve.runner`."""

    name: str
    interface: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """Everything of one run: where, by which program, the devices that were seen, the workloads in order."""

    target: str
    program: str
    devices: tuple[DeviceFacts, ...] = ()
    workloads: tuple[Workload, ...] = ()
