"""The grammar of vGPU type names, time-sliced and MIG-backed.

Boundary: a name's parts. Whether a board offers the type is the catalog's to say.
Source: NVIDIA/vgpu-device-manager pkg/types (grammar), NVIDIA vGPU user guide (series, B4).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_NAME = re.compile(
    r"(?P<board>[A-Za-z0-9]+(?:-[A-Za-z]+)?)-(?:(?P<slices>[1-9])-)?(?P<gb>0|[1-9][0-9]{0,2})(?P<series>[ABCQ])(?P<suffix>4|ME|NOME|MEALL|GFX)?"
)
_PREFIXES = ("GRID ", "NVIDIA ")


@dataclass(frozen=True, slots=True)
class VgpuTypeName:
    """`A100D-40C`: board A100D, 40 GB (0 stands for 512 MiB), series C.

    `slices` is the GPU instance's width for MIG-backed types, else None. `suffix` is ME, NOME, MEALL or GFX of a
    MIG-backed type, and 4 of a time-sliced B type with four heads (`A40-1B4`).
    """

    board: str
    gigabytes: int
    series: str
    slices: int | None = None
    suffix: str = ""

    @classmethod
    def parse(cls, text: str) -> VgpuTypeName:
        """Read a name with or without what the driver puts before it (`GRID A100D-40C`). Raises ValueError."""
        match = _NAME.fullmatch(strip_prefix(text))
        if match is None or not _suffix_fits(match):
            raise ValueError(f"{text!r} is not a vGPU type name such as A100D-40C or A100D-2-20C")
        slices = match["slices"]
        return cls(
            match["board"], int(match["gb"]), match["series"], int(slices) if slices else None, match["suffix"] or ""
        )

    @property
    def time_sliced(self) -> bool:
        """Whether the type lives on a whole GPU, without MIG."""
        return self.slices is None

    def __str__(self) -> str:
        slices = f"{self.slices}-" if self.slices else ""
        return f"{self.board}-{slices}{self.gigabytes}{self.series}{self.suffix}"


def strip_prefix(driver_name: str) -> str:
    """The type's short name, which is the driver's last word.

    `GRID A100D-40C` is `A100D-40C`, and `NVIDIA RTX Pro 6000 Blackwell DC-24Q` is `DC-24Q`.
    """
    return driver_name.rsplit(" ", 1)[-1] if driver_name.startswith(_PREFIXES) else driver_name


def _suffix_fits(match: re.Match[str]) -> bool:
    if match["suffix"] == "4":
        return match["series"] == "B" and not match["slices"]
    return not match["suffix"] or bool(match["slices"])
