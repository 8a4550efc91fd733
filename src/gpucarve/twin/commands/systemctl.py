"""systemctl: reboot, is-system-running, daemon-reload, and units enabled, disabled and shown.

Boundary: links in /etc/systemd/system and the machine's schedule; units are not run here.
"""

from __future__ import annotations

from dataclasses import replace

from gpucarve.twin import filesystem
from gpucarve.twin.commands.invocation import Invocation, Ran, ran
from gpucarve.twin.errors import KernelError
from gpucarve.twin.machine import Machine
from gpucarve.twin.nodes import File
from gpucarve.twin.sight import view

_OWN = "/etc/systemd/system"
_PACKAGED = "/usr/lib/systemd/system"


def systemctl(machine: Machine, invocation: Invocation) -> Ran:
    """Exit 1 for a verb it does not know here."""
    match tuple(word for word in invocation.arguments if word not in ("--quiet", "--no-block")):
        case ("reboot",):
            stops_at = invocation.now + machine.hardware.stop_seconds
            return ran(replace(machine, schedule=replace(machine.schedule, stops_at=stops_at)), 0.05)
        case ("is-system-running",):
            stopping = machine.schedule.stops_at is not None
            return ran(machine, 0.02, "stopping\n" if stopping else "running\n", status=1 if stopping else 0)
        case ("daemon-reload",):
            return ran(machine, 0.3)
        case (("enable" | "disable" | "is-enabled") as verb, unit):
            return _unit(machine, verb, unit)
        case ("show", *words):
            return ran(machine, 0.02, _shown(machine, words))
        case words:
            return ran(machine, 0.02, stderr=f"Unknown command verb {' '.join(words)}.\n", status=1)


def _shown(machine: Machine, words: list[str]) -> str:
    """`systemctl show --property=A,B UNIT…`: a block a unit, also for one that there is not."""
    asked = [name for word in words if word.startswith("--property=") for name in word.partition("=")[2].split(",")]
    blocks = []
    for unit in (word for word in words if not word.startswith("-")):
        known = _properties(machine, unit)
        blocks.append("".join(f"{name}={known[name]}\n" for name in asked if name in known))
    return "\n".join(blocks)


def _properties(machine: Machine, unit: str) -> dict[str, str | int]:
    path, links = _place(machine, unit)
    pids = [process.pid for process in machine.up.processes.entries if process.unit == unit]
    enabled = any(view(machine).exists(link) for link in links)
    return {
        "Id": unit,
        "LoadState": "loaded" if path else "not-found",
        "ActiveState": "active" if pids else "inactive",
        "MainPID": pids[0] if pids else 0,
        "UnitFileState": "" if path is None else "enabled" if enabled else "disabled" if links else "static",
        "NeedDaemonReload": "no",
    }


def _place(machine: Machine, unit: str) -> tuple[str | None, list[str]]:
    """Where a unit's file is, and the links that enable it."""
    sight = view(machine)
    path = next((f"{folder}/{unit}" for folder in (_OWN, _PACKAGED) if sight.exists(f"{folder}/{unit}")), None)
    links = [f"{_OWN}/{target}.wants/{unit}" for target in _wanted_by(sight.file(path))] if path else []
    return path, links


def _unit(machine: Machine, verb: str, unit: str) -> Ran:
    sight = view(machine)
    path, links = _place(machine, unit)
    if path is None:
        return ran(machine, 0.02, stderr=f"Failed to {verb} unit: Unit file {unit} does not exist.\n", status=1)
    enabled = any(sight.exists(link) for link in links)
    if verb == "is-enabled":
        return ran(machine, 0.02, "enabled\n" if enabled else "disabled\n", status=0 if enabled else 1)
    out = ""
    try:
        for link in links:
            if verb == "enable" and not sight.exists(link):
                machine = filesystem.make_directories(machine, link.rpartition("/")[0])
                machine = filesystem.make_link(machine, link, path)
                out += f"Created symlink {link} → {path}.\n"
            elif verb == "disable" and sight.exists(link):
                machine = filesystem.remove(machine, link)
                out += f"Removed {link}.\n"
    except KernelError as error:
        return ran(machine, 0.1, stderr=f"Failed to {verb} unit: {error.text}\n", status=1)
    return ran(machine, 0.3, stderr=out)


def _wanted_by(unit: File) -> list[str]:
    return [
        target
        for line in unit.content.decode("utf-8", "replace").splitlines()
        if line.startswith("WantedBy=")
        for target in line.removeprefix("WantedBy=").split()
    ]
