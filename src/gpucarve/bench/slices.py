"""MIG slices beside each other and beside the whole GPU: what a slice is worth, and what its neighbours take from it.

- *kept*: what a slice still does while all slices of its GPU are busy, by what it did alone;
- *efficiency*: what all busy slices do together, by what the whole GPU did in a report of its own.

Boundary: pure. Which slices there are is read from `nvidia-smi -L`, in the form of drivers since R470.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gpucarve.bench.reports import Figure, Report
from gpucarve.calls.primitives import Inspect
from gpucarve.calls.replies import Exited, Failure, Reply

LISTED = Inspect(("nvidia-smi", "-L"))
_GPU = re.compile(r"GPU (\d+): .*\(UUID: (GPU-[0-9a-f-]+)\)")
_SLICE = re.compile(r"\s+MIG (\S+)\s+Device\s+(\d+): \(UUID: (MIG-[0-9A-Za-z/-]+)\)")


@dataclass(frozen=True, slots=True)
class Slice:
    """What a program can be given: the number of the GPU, the profile (`1g.10gb`; a whole GPU has none), the UUID."""

    gpu: int
    profile: str
    uuid: str


def units(reply: Reply) -> tuple[Slice, ...] | str:
    """Every slice of a host, and every GPU that is not cut; or why they cannot be told."""
    if isinstance(reply, Failure):
        return f"nvidia-smi -L: {reply.detail or reply.kind.value}"
    if not isinstance(reply, Exited) or reply.status != 0:
        said = reply.stdout or reply.stderr if isinstance(reply, Exited) else b""
        return f"nvidia-smi -L failed: {said[:300].decode('utf-8', 'replace').strip()}"
    found: list[Slice] = []
    gpu = -1
    for line in reply.stdout.decode("utf-8", "replace").splitlines():
        if match := _GPU.match(line):
            gpu = int(match[1])
            found.append(Slice(gpu, "", match[2]))
        elif match := _SLICE.match(line):
            found.append(Slice(gpu, match[1], match[3]))
    cut = {each.gpu for each in found if each.profile}
    return tuple(each for each in found if each.profile or each.gpu not in cut)


def listed(reply: Reply) -> tuple[Slice, ...] | str:
    """The slices of a host, or why they cannot be told."""
    found = units(reply)
    return found if isinstance(found, str) else tuple(each for each in found if each.profile)


@dataclass(frozen=True, slots=True)
class Sharing:
    """One figure of one GPU's slices: the first slice alone, every slice while all are busy, the whole GPU if known."""

    figure: str
    unit: str
    alone: Figure
    busy: tuple[Figure, ...]
    whole: Figure | None = None

    @property
    def steady(self) -> bool:
        """Whether every sample series may be told as a number."""
        return all(each.steady for each in (self.alone, *self.busy, *([self.whole] if self.whole else [])))

    @property
    def kept(self) -> float | None:
        """What the first slice keeps of its rate when its neighbours work."""
        return self.busy[0].rate / self.alone.rate if self.steady else None

    @property
    def together(self) -> float:
        """What all slices do at once."""
        return sum(each.rate for each in self.busy)

    @property
    def efficiency(self) -> float | None:
        """All slices at once, by the whole GPU."""
        return self.together / self.whole.rate if self.whole and self.steady else None


def shared(alone: Report, busy: Sequence[Report], whole: Report | None) -> tuple[Sharing, ...]:
    """Every figure that the slice alone and all busy slices have, in order."""
    each = [_figures(report) for report in busy]
    of_whole = _figures(whole) if whole else {}
    return tuple(
        Sharing(name, figure.unit, figure, tuple(found[key] for found in each), of_whole.get(key))
        for key, figure in _figures(alone).items()
        if (name := key[1]) and each and all(key in found for found in each)
    )


def _figures(report: Report) -> dict[tuple[str, str], Figure]:
    return {(workload.name, figure.name): figure for workload in report.workloads for figure in workload.figures}
