"""systemctl: reboot, is-system-running, daemon-reload, and units enabled, disabled, started, stopped and shown.

Boundary: links in /etc/systemd/system and the machine's schedule; what runs is `services`', and gpucarve's own unit,
which runs at power-on, `boot_unit`'s.
"""

from __future__ import annotations

from dataclasses import replace

from gpucarve.twin import filesystem, services
from gpucarve.twin.commands.invocation import Invocation, Ran, ran
from gpucarve.twin.errors import KernelError
from gpucarve.twin.machine import Machine
from gpucarve.twin.sight import view
from gpucarve.twin.systemd import masked, place, read_again, stale


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
            return ran(read_again(machine), 0.3)
        case ("disable", "--now", unit):
            name = _named(unit)
            disabled = _unit(machine, "disable", name)
            return disabled if disabled.exited.status else replace(disabled, machine=_stopped(disabled.machine, name))
        case (("enable" | "disable" | "is-enabled") as verb, unit):
            return _unit(machine, verb, _named(unit))
        case (("start" | "stop") as verb, *units) if units:
            return _switched(machine, verb, [_named(unit) for unit in units])
        case ("show", *words):
            return ran(machine, 0.02, _shown(machine, words))
        case words:
            return ran(machine, 0.02, stderr=f"Unknown command verb {' '.join(words)}.\n", status=1)


def _named(unit: str) -> str:
    """A name without an ending is a service's."""
    return unit if "." in unit else f"{unit}.service"


def _switched(machine: Machine, verb: str, units: list[str]) -> Ran:
    """`systemctl start` and `stop`: what cannot be is told, and all the others are switched (exit 5 as systemctl's)."""
    complaints = ""
    for unit in units:
        if place(machine, unit)[0] is None:
            complaints += f"Failed to {verb} {unit}: Unit {unit} not {'found' if verb == 'start' else 'loaded'}.\n"
        elif not services.argv(machine, unit):
            complaints += f"Failed to {verb} {unit}: oneshot units are not run here.\n"
        else:
            machine = services.start(machine, unit) if verb == "start" else services.stop(machine, unit)
    return ran(machine, 0.5, stderr=complaints, status=5 if complaints else 0)


def _shown(machine: Machine, words: list[str]) -> str:
    """`systemctl show --property=A,B UNIT…`: a block a unit, also for one that there is not, in systemd's own order."""
    asked = [name for word in words if word.startswith("--property=") for name in word.partition("=")[2].split(",")]
    blocks = []
    for unit in (word for word in words if not word.startswith("-")):
        known = _properties(machine, unit)
        blocks.append("".join(f"{name}={value}\n" for name, value in known.items() if name in asked))
    return "\n".join(blocks)


def _properties(machine: Machine, unit: str) -> dict[str, str | int]:
    path, links = place(machine, unit)
    pids = [process.pid for process in machine.up.processes.entries if process.unit == unit]
    enabled = any(view(machine).exists(link) for link in links)
    hidden = masked(machine, unit)
    state = machine.up.units.get(unit) or ("active" if pids else "inactive")
    return {  # those of the service before those of any unit
        "MainPID": pids[0] if pids else 0,
        "Id": unit,
        "LoadState": "loaded" if path else "masked" if hidden else "not-found",
        "ActiveState": state,
        "UnitFileState": ("masked" if hidden else "")
        if path is None
        else "enabled"
        if enabled
        else "disabled"
        if links
        else "static",
        "Job": 1 if state == "activating" else "",
        "NeedDaemonReload": "yes" if stale(machine, unit) else "no",
    }


def _unit(machine: Machine, verb: str, unit: str) -> Ran:
    sight = view(machine)
    path, links = place(machine, unit)
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
                out += f"Created symlink {link} -> {path}.\n"
            elif verb == "disable" and sight.exists(link):
                machine = filesystem.remove(machine, link)
                out += f'Removed "{link}".\n'
    except KernelError as error:
        return ran(machine, 0.1, stderr=f"Failed to {verb} unit: {error.text}\n", status=1)
    return ran(read_again(machine), 0.3, stderr=out)


def _stopped(machine: Machine, unit: str) -> Machine:
    """A oneshot that stayed active is that no more."""
    states = {name: state for name, state in machine.up.units.items() if name != unit}
    return replace(machine, running=replace(machine.up, units=states))
