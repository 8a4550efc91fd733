"""What a fit answers: each GPU's cut with who is served by what, what is left unmet, and the proof.

Boundary: values that need neither model nor solver to be read, shown or checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gpucarve.layout.fitting.patterns import Kind
from gpucarve.layout.fitting.solutions import Stage
from gpucarve.model.mig import Placement


@dataclass(frozen=True, slots=True)
class Item:
    """One instance at its place, or one whole-card use (no placement), of a kind and tenant.

    `serves` is for which requests, by their place in the demand, and how many of each. `stands` says that it is there
    already and is not touched.
    """

    kind: str
    tenant: str
    profile: str
    placement: Placement | None
    serves: tuple[tuple[int, int], ...]
    stands: bool

    @property
    def number(self) -> int:
        """How many are served by it."""
        return sum(number for _, number in self.serves)


@dataclass(frozen=True, slots=True)
class GpuCut:
    """One GPU; `moves` is what stood there and loses its place, be it made again at the same one."""

    gpu: str
    items: tuple[Item, ...]
    moves: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """Every GPU in the supply's order. `unmet` is by the requests' places in the demand, empty where all is served.

    The stages' prices are those of `kinds`.
    """

    gpus: tuple[GpuCut, ...]
    unmet: Mapping[int, int]
    kinds: tuple[Kind, ...]
    stages: tuple[Stage, ...]
    solver: str

    @property
    def fits(self) -> bool:
        """Whether everything is served."""
        return not self.unmet
