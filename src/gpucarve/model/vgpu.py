"""The grammar of vGPU type names, time-sliced and MIG-backed.

Boundary: a name's parts. Whether a board offers the type is the catalog's to say.
Source: NVIDIA/vgpu-device-manager pkg/types (grammar), NVIDIA vGPU user guide (series).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_NAME = re.compile(
    r"(?P<board>[A-Za-z0-9]+(?:-[A-Za-z]+)?)-(?:(?P<slices>[1-9])-)?(?P<gb>0|[1-9][0-9]{0,2})(?P<series>[ABCQ])(?P<suffix>ME|NOME|MEALL|GFX)?"
)
_PREFIXES = ("GRID ", "NVIDIA ")


@dataclass(frozen=True, slots=True)
class VgpuTypeName:
    """`A100D-40C`: board A100D, 40 GB, series C. `slices` is the GPU instance's width for MIG-backed types, else None."""

    board: str
    gigabytes: int
    series: str
    slices: int | None = None
    suffix: str = ""

    @classmethod
    def parse(cls, text: str) -> VgpuTypeName:
        """Read a name with or without the driver's prefix (`GRID A100D-40C`). Raises ValueError."""
        match = _NAME.fullmatch(strip_prefix(text))
        if match is None or (match["suffix"] and not match["slices"]):
            raise ValueError(f"{text!r} is not a vGPU type name such as A100D-40C or A100D-2-20C")
        slices = match["slices"]
        return cls(match["board"], int(match["gb"]), match["series"], int(slices) if slices else None, match["suffix"] or "")

    @property
    def time_sliced(self) -> bool:
        """Whether the type lives on a whole GPU, without MIG."""
        return self.slices is None

    def __str__(self) -> str:
        slices = f"{self.slices}-" if self.slices else ""
        return f"{self.board}-{slices}{self.gigabytes}{self.series}{self.suffix}"


def strip_prefix(driver_name: str) -> str:
    """The type's short name: the driver says `GRID A100D-40C` or `NVIDIA A40-8Q`, documents say `A100D-40C`."""
    for prefix in _PREFIXES:
        if driver_name.startswith(prefix):
            return driver_name[len(prefix) :]
    return driver_name
