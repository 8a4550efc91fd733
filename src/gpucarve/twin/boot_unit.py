"""A simulated machine's boot unit: due at power-on when it is enabled, at its end the claims' lines are asserted.

While it runs it is a process that holds gpucarve's lock and has begun a record, as the real one: a controller that
comes early waits for it. A script that is not this version's cannot be run here: the unit fails then.

Boundary: the unit's life on one machine; what the script decides is `boot_script`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from gpucarve.calls import state
from gpucarve.calls.primitives import Run, WriteValue
from gpucarve.calls.replies import Exited, Failure
from gpucarve.facts import units
from gpucarve.resources.host import boot_unit
from gpucarve.twin import keeping, writes
from gpucarve.twin.boot_script import Assertion, lines
from gpucarve.twin.errors import KernelError
from gpucarve.twin.machine import Machine, Process, Processes
from gpucarve.twin.nodes import File, Link
from gpucarve.twin.sight import view
from gpucarve.twin.systemd import enabled

SECONDS = 6.0  # from power-on to its end
_NOT_EXECUTABLE = 126


def begin(machine: Machine, now: float) -> Machine:
    """Right after power-on: the unit is activating if it is enabled, and its end is in the schedule."""
    if not enabled(machine, units.NAME):
        return machine
    processes = machine.up.processes
    pid = processes.next_pid
    process = Process(pid, ("/bin/sh", units.SCRIPT), unit=units.NAME)
    machine = machine.with_processes(Processes((*processes.entries, process), pid + 1))
    machine = _told(machine, "activating")
    if _script(machine) == boot_unit.script():
        machine = keeping.hold_lock(keeping.prepare(machine), pid)
        machine = _recorded(machine, _head(machine, pid, len(_wanted(machine))))
    return replace(machine, schedule=replace(machine.schedule, boot_unit_ends_at=now + SECONDS))


def finish(machine: Machine, now: float) -> Machine:
    """The unit's end: everything that the claims say is asserted, and the record is closed."""
    schedule = replace(machine.schedule, boot_unit_ends_at=None)
    machine = replace(machine, schedule=schedule)
    entries = machine.up.processes.entries
    process = next((each for each in entries if each.unit == units.NAME), None)
    if process is None or _script(machine) != boot_unit.script():
        return _told(_ended(machine), "failed")
    host = MachineHost(machine, now)
    assertion = Assertion(host)
    wanted = assertion.count(lines(_records(machine)))
    text = _head(machine, process.pid, len(wanted))
    for number, line in enumerate(wanted):
        done = assertion.carry_out(line)
        text += f"{number} begun\n{number} {'done' if done else 'failed'}\n"
    machine = _recorded(_ended(host.machine), f"{text}end\n")
    return _told(machine, "failed" if assertion.failed else "active")


@dataclass
class MachineHost:
    """A machine as the boot script finds it; time does not pass, for nothing on it changes by itself."""

    machine: Machine
    now: float

    def tool(self, *argv: str) -> tuple[int, str]:
        """As the commands that the machine has answer it."""
        self.machine, reply = writes.carry_out(self.machine, Run(argv, deadline=180), self.now)
        match reply:
            case Exited(status):
                return status, reply.text() + reply.stderr.decode("utf-8", "replace")
            case Failure(kind, detail):
                return _NOT_EXECUTABLE, f"{kind.value}: {detail}"
            case _:
                return 0, ""

    def text(self, path: str) -> str:
        """The first line."""
        try:
            return view(self.machine).file(path).content.decode("utf-8", "replace").partition("\n")[0]
        except KernelError:
            return ""

    def link(self, path: str) -> str:
        """Where it leads, as it says it."""
        sight = view(self.machine)
        try:
            node = sight.node(sight.place(path, follow=False))
        except KernelError:
            return ""
        return node.target if isinstance(node, Link) else ""

    def count(self, pattern: str) -> int:
        """What matches and is there."""
        sight = view(self.machine)
        return sum(1 for path, _ in sight.expand(pattern) if sight.exists(path))

    def put(self, path: str, value: str) -> bool:
        """As the kernel takes it."""
        self.machine, reply = writes.carry_out(self.machine, WriteValue(path, value), self.now)
        return not isinstance(reply, Failure)

    def pause(self, seconds: int) -> None:
        """Nothing changes meanwhile."""


def _records(machine: Machine) -> list[str]:
    sight = view(machine)
    nodes = (sight.node(place) for _, place in sight.expand(f"{state.CLAIMS}/*/record"))
    return [node.content.decode("utf-8", "replace") for node in nodes if isinstance(node, File)]


def _wanted(machine: Machine) -> list[str]:
    return Assertion(MachineHost(machine, 0.0)).count(lines(_records(machine)))


def _script(machine: Machine) -> bytes | None:
    try:
        return view(machine).file(units.SCRIPT).content
    except KernelError:
        return None


def _head(machine: Machine, pid: int, number: int) -> str:
    try:
        fence = keeping.lease(machine).fence
    except ValueError:
        fence = 0
    return f"run=boot fence={fence} boot={machine.up.boot.boot_id} pid={pid} writes={number}\n"


def _recorded(machine: Machine, text: str) -> Machine:
    """The record, where there is room for it."""
    try:
        return keeping.write_record(machine, text)
    except KernelError:
        return machine


def _told(machine: Machine, active_state: str) -> Machine:
    running = machine.up
    return replace(machine, running=replace(running, units={**running.units, units.NAME: active_state}))


def _ended(machine: Machine) -> Machine:
    processes = machine.up.processes
    rest = tuple(each for each in processes.entries if each.unit != units.NAME)
    return machine.with_processes(replace(processes, entries=rest))
