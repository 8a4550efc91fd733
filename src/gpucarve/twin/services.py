"""Services that run: started and stopped by hand, started by a boot when they are enabled.

Of what a service does only this is simulated: it is a process, and NVIDIA's daemons have the GPUs open that their
driver has at that moment. Oneshot units are not run here; gpucarve's own is `boot_unit`'s.

Boundary: the process table; unit files and their links are `systemd`'s.
"""

from __future__ import annotations

import re

from gpucarve.twin import gpus, systemd
from gpucarve.twin.machine import Machine, Process, Processes
from gpucarve.twin.sight import view

_EXEC = re.compile(r"^ExecStart=[-@:+!]*(\S.*)$", re.M)
_ONESHOT = re.compile(r"^Type=oneshot$", re.M)
_CONTROL = "/dev/nvidiactl"
_ON_GPUS = frozenset({"nvidia-persistenced", "nv-hostengine", "dcgm-exporter"})
_ON_DRIVER = frozenset({"nvidia-vgpu-mgr"})


def argv(machine: Machine, unit: str) -> tuple[str, ...]:
    """The command line of a service; empty for an unknown unit, and for one that does not keep running."""
    path, _ = systemd.place(machine, unit)
    text = view(machine).file(path).content.decode("utf-8", "replace") if path else ""
    command = _EXEC.search(text)
    return tuple(command[1].split()) if command and not _ONESHOT.search(text) else ()


def start(machine: Machine, unit: str) -> Machine:
    """The machine with the service running; one that runs already goes on as it is."""
    words, processes = argv(machine, unit), machine.up.processes
    if not words or any(process.unit == unit for process in processes.entries):
        return machine
    pid = processes.next_pid
    process = Process(pid, words, _opened(machine, words[0].rpartition("/")[2]), unit=unit)
    return machine.with_processes(Processes((*processes.entries, process), pid + 1))


def stop(machine: Machine, unit: str) -> Machine:
    """The machine without the service's processes."""
    processes = machine.up.processes
    left = tuple(process for process in processes.entries if process.unit != unit)
    return machine.with_processes(Processes(left, processes.next_pid))


def start_enabled(machine: Machine) -> Machine:
    """What a boot starts of NVIDIA's daemons, which matter to whoever wants a GPU for himself."""
    wanted = {path.rpartition("/")[2] for path, _ in view(machine).expand(f"{systemd.OWN}/*.wants/*")}
    for unit in sorted(wanted):
        words = argv(machine, unit)
        if words and words[0].rpartition("/")[2] in _ON_GPUS | _ON_DRIVER:
            machine = start(machine, unit)
    return machine


def _opened(machine: Machine, program: str) -> tuple[str, ...]:
    if program in _ON_DRIVER:
        return (_CONTROL,)
    if program not in _ON_GPUS:
        return ()
    hardware, devices = machine.hardware, machine.up.devices
    held = gpus.held(hardware, devices)
    return (_CONTROL, *(gpus.node(hardware, devices, each.address) for each in held))
