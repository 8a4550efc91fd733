"""What one parser found in a text.

Boundary: a value.
"""

from __future__ import annotations

from dataclasses import dataclass

from gpucarve.bench.reports import DeviceFacts, Workload


@dataclass(frozen=True, slots=True)
class Part:
    """Devices and workloads; `program` with its version where the text tells it."""

    program: str = ""
    devices: tuple[DeviceFacts, ...] = ()
    workloads: tuple[Workload, ...] = ()

    @property
    def tells(self) -> bool:
        """Whether anything was found."""
        return bool(self.devices or self.workloads)
