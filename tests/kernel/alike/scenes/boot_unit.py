"""The boot unit: its files, what systemd says of it, enabled, changed, disabled.

Boundary: scenes as data.
"""

from __future__ import annotations

from gpucarve.calls.primitives import HostRead, Inspect, Remove, Run, WriteFile
from gpucarve.facts import units
from gpucarve.resources.host import boot_unit
from tests.kernel.alike.steps import Reads, Scene, do, look

_UNIT: Reads = tuple(read for read in units.PROBE.reads if isinstance(read, HostRead))


def systemctl(*words: str) -> Run:
    return Run(("systemctl", *words), deadline=120)


ENABLED = Scene(
    "the boot unit",
    (
        _UNIT,
        do(systemctl("disable", "--now", units.NAME)),
        do(
            WriteFile(units.SCRIPT, boot_unit.script(), 0o700),
            WriteFile(units.UNIT, boot_unit.unit()),
            then=_UNIT,
        ),
        do(systemctl("daemon-reload"), systemctl("enable", units.NAME), then=_UNIT),
        do(
            systemctl("enable", units.NAME),
            WriteFile(units.UNIT, boot_unit.unit() + b"# another version\n"),
            then=_UNIT,
        ),
        do(systemctl("daemon-reload"), then=_UNIT),
        do(systemctl("disable", "--now", units.NAME), then=_UNIT),
        do(Remove(units.UNIT), systemctl("daemon-reload"), then=_UNIT),
        # masked by whoever made the image, like a unit that an administrator wants never to run
        look(Inspect(("systemctl", "show", "--property=LoadState,UnitFileState", "fstrim.timer"))),
    ),
)
