"""systemd's units on a simulated machine: where their files are, which are enabled, what systemd has read of them.

Boundary: questions about a machine; the words of the tool are `commands.systemctl`'s.
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

from gpucarve.twin.machine import Machine
from gpucarve.twin.nodes import File
from gpucarve.twin.sight import view

OWN = "/etc/systemd/system"
PACKAGED = "/usr/lib/systemd/system"


def place(machine: Machine, unit: str) -> tuple[str | None, list[str]]:
    """Where a unit's file is, and the links that enable it; nowhere for a unit that is masked."""
    sight = view(machine)
    path = next((f"{folder}/{unit}" for folder in (OWN, PACKAGED) if sight.exists(f"{folder}/{unit}")), None)
    if path is None or masked(machine, unit):
        return None, []
    return path, [f"{OWN}/{target}.wants/{unit}" for target in _wanted_by(sight.file(path))]


def masked(machine: Machine, unit: str) -> bool:
    """Whether a link to /dev/null stands in the place of the unit's file."""
    sight, own = view(machine), f"{OWN}/{unit}"
    return sight.exists(own) and not isinstance(sight.node(sight.place(own)), File)


def enabled(machine: Machine, unit: str) -> bool:
    """Whether a boot starts it."""
    return any(view(machine).exists(link) for link in place(machine, unit)[1])


def stale(machine: Machine, unit: str) -> bool:
    """Whether the unit's file is not what systemd last read of it."""
    known = machine.up.read_units.get(unit)
    return known is not None and known != _digest(machine, unit)


def read_again(machine: Machine) -> Machine:
    """systemd reads the files of the units that it holds: those that are enabled here, or ran in this boot."""
    sight = view(machine)
    names = {path.rpartition("/")[2] for path, _ in sight.expand(f"{OWN}/*.wants/*")} | machine.up.units.keys()
    found = {name: digest for name in sorted(names) if (digest := _digest(machine, name))}
    return replace(machine, running=replace(machine.up, read_units=found))


def _digest(machine: Machine, unit: str) -> str:
    path, _ = place(machine, unit)
    return sha256(view(machine).file(path).content).hexdigest() if path else ""


def _wanted_by(unit: File) -> list[str]:
    return [
        target
        for line in unit.content.decode("utf-8", "replace").splitlines()
        if line.startswith("WantedBy=")
        for target in line.removeprefix("WantedBy=").split()
    ]
