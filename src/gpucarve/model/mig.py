"""The grammar of MIG profile names, and where on a GPU an instance stands.

Boundary: a name's parts and a placement's arithmetic. Which profiles a GPU offers, and where, is the catalog's to say.
Source: NVIDIA MIG user guide (names, attributes, placements); NVIDIA/mig-parted and NVIDIA/k8s-device-plugin (the
dotted spelling of configurations and resources).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum

_PARTS = r"(?:(?P<compute>[1-8])c\.)?(?P<slices>[1-8])g\.(?P<gb>0|[1-9][0-9]{0,2})gb"
_NAME = re.compile(_PARTS + r"(?P<attribute>\+me|\+me\.all|-me|\+gfx)?")
_DOTTED = re.compile(_PARTS + r"(?P<attribute>\.me|\.me\.all|-me|\.gfx)?")
_PLACEMENT = re.compile(r"(?P<start>0|[1-9][0-9]?):(?P<size>[1-9][0-9]?)")


class MigAttribute(Enum):
    """What an instance has beyond its slices; the value is how its name ends."""

    NONE = ""
    MEDIA = "+me"
    ALL_MEDIA = "+me.all"
    NO_MEDIA = "-me"
    GRAPHICS = "+gfx"


@dataclass(frozen=True, slots=True, order=True)
class MigProfileName:
    """`3g.20gb`: a GPU instance of 3 compute slices, sold as 20 GB (0 on integrated GPUs, which share memory).

    `compute` is set for a compute instance that takes only a part of its GPU instance: 1 in `1c.3g.20gb`. One that
    fills it is called like the GPU instance, so `3c.3g.20gb` reads as `3g.20gb`.
    """

    slices: int
    gigabytes: int
    attribute: MigAttribute = MigAttribute.NONE
    compute: int | None = None

    @classmethod
    def parse(cls, text: str) -> MigProfileName:
        """Read a name with or without what the driver puts before it (`MIG 1g.10gb`). Raises ValueError."""
        return cls._read(text, _NAME.fullmatch(text.removeprefix("MIG ")))

    @classmethod
    def parse_dotted(cls, text: str) -> MigProfileName:
        """Read the spelling of labels and resources, `1g.10gb.me` for `1g.10gb+me`. Raises ValueError."""
        return cls._read(text, _DOTTED.fullmatch(text))

    @classmethod
    def _read(cls, text: str, match: re.Match[str] | None) -> MigProfileName:
        if match is None:
            raise ValueError(f"{text!r} is not a MIG profile name such as 1g.10gb, 1g.10gb+me or 1c.3g.40gb")
        slices, compute = int(match["slices"]), int(match["compute"] or 0)
        if compute > slices:
            raise ValueError(f"{text!r} asks for {compute} compute slices of a GPU instance that has {slices}")
        ending = match["attribute"] or ""
        attribute = MigAttribute("+" + ending[1:] if ending.startswith(".") else ending)
        return cls(slices, int(match["gb"]), attribute, compute if 0 < compute < slices else None)

    @property
    def gpu_instance(self) -> MigProfileName:
        """The GPU instance that a compute instance of this name lives in; the name itself for one that fills it."""
        return replace(self, compute=None)

    @property
    def dotted(self) -> str:
        """The spelling without `+`, which labels, resource names and configuration names have."""
        return str(self).replace("+", ".")

    def __str__(self) -> str:
        compute = f"{self.compute}c." if self.compute else ""
        return f"{compute}{self.slices}g.{self.gigabytes}gb{self.attribute.value}"


@dataclass(frozen=True, slots=True, order=True)
class Placement:
    """Where a GPU instance stands: its first memory slice and how many it takes."""

    start: int
    size: int

    @classmethod
    def parse(cls, text: str) -> Placement:
        """Read `start:size`. Raises ValueError."""
        match = _PLACEMENT.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not a placement such as 4:2 (first memory slice:slices)")
        return cls(int(match["start"]), int(match["size"]))

    @property
    def end(self) -> int:
        """The first memory slice after it."""
        return self.start + self.size

    def overlaps(self, other: Placement) -> bool:
        """Whether both want a slice."""
        return self.start < other.end and other.start < self.end

    def __str__(self) -> str:
        return f"{self.start}:{self.size}"
