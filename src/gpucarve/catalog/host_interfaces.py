"""Where a Linux host shows and takes GPU settings: sysfs paths, commands, NVML functions.

Boundary: templates with their placeholders in braces; nothing here runs or reads them.
"""

from __future__ import annotations

from dataclasses import dataclass

from gpucarve.catalog import loader


@dataclass(frozen=True, slots=True)
class HostInterface:
    """One way in. `kind` is `path`, `command`, `format`, `nvml` or `driver`."""

    name: str
    kind: str
    value: str
    note: str | None = None
    source: str | None = None


def interfaces() -> tuple[HostInterface, ...]:
    """Every interface."""
    return loader.entries("host-interfaces", HostInterface)


def interface(name: str) -> HostInterface | None:
    """One interface (`vendor-vfio.current`)."""
    return next((each for each in interfaces() if each.name == name), None)
