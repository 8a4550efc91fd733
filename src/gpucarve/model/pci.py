"""PCI addresses, in the one normal form everything else relies on.

Boundary: text to value and back. `nvidia-smi` prints an eight-digit domain and upper case, the kernel four digits
and lower case; both parse to the same address and print as the kernel does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_ADDRESS = re.compile(r"(?:([0-9a-fA-F]{4,8}):)?([0-9a-fA-F]{2}):([01][0-9a-fA-F])\.([0-7])")


@dataclass(frozen=True, slots=True, order=True)
class PciAddress:
    """Domain (0 to 0xffffffff), bus (0 to 255), device (0 to 31), function (0 to 7)."""

    domain: int
    bus: int
    device: int
    function: int

    @classmethod
    def parse(cls, text: str) -> PciAddress:
        """Read `0000:3b:00.0`, `00000000:3B:00.0` or `3b:00.0` (domain 0). Raises ValueError on anything else."""
        match = _ADDRESS.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not a PCI address such as 0000:3b:00.0")
        domain, bus, device, function = match.groups(default="0")
        return cls(int(domain, 16), int(bus, 16), int(device, 16), int(function, 16))

    def __str__(self) -> str:
        """The kernel's spelling: `0000:3b:00.0`."""
        return f"{self.domain:04x}:{self.bus:02x}:{self.device:02x}.{self.function:x}"
