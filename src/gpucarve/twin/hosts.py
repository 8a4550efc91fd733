"""A machine that lives: its state now, its processes, the faults that wait for it, and who is connected.

Boundary: the mutable shell around the pure machine. What a program does is `programs`, how requests come in is
`transport`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from random import Random
from typing import Any

from gpucarve.calls.primitives import HostWrite
from gpucarve.calls.replies import Done, Exited, Failure
from gpucarve.model.hosts import Target
from gpucarve.twin import guests, keeping, power, vgpus, writes
from gpucarve.twin.clock import VirtualClock
from gpucarve.twin.errors import Impossible
from gpucarve.twin.faults import Effect, Fault, Point, strike
from gpucarve.twin.history import Deed, deed
from gpucarve.twin.machine import Machine, Process, Processes


class Died(Exception):  # it is what happened to a process, and no error of anyone's
    """The process is gone: killed, or the machine went down under it."""


class SimulatedHost:
    """One machine of a world. `pacing` is how many real seconds each step of a program takes; `deeds` are what programs
    did to it since the world began."""

    def __init__(self, target: Target, machine: Machine, clock: VirtualClock, randomness: Random) -> None:
        self.target = target
        self.machine = machine
        self.clock = clock
        self.pacing = 0.0
        self.counts = dict.fromkeys(Point, 0)
        self.deeds: list[Deed] = []
        self._randomness = randomness
        self._faults: list[Fault] = []
        self._connections: set[asyncio.Future[None]] = set()
        self._deaths: dict[int, asyncio.Future[None]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    def settle(self) -> None:
        """Bring the machine to what it is by now; connections do not survive its going down."""
        self._become(power.reconcile(self.machine, self.clock.time, self._randomness))

    def _become(self, machine: Machine) -> None:
        before, self.machine = self._boot(), machine
        if before is not None and self._boot() != before:
            for pid in tuple(self._deaths):
                self._tell_death(pid)
            self.drop()

    def _boot(self) -> str | None:
        return self.machine.running.boot.boot_id if self.machine.running else None

    # --- who is connected

    @property
    def reachable(self) -> bool:
        """Whether a request would be answered now."""
        schedule = self.machine.schedule
        quiet = (schedule.hangs_until, schedule.cut_off_until)
        return self.machine.running is not None and not any(
            time is not None and time > self.clock.time for time in quiet
        )

    def connect(self) -> asyncio.Future[None]:
        """A future that is done when the connection breaks; give it back with `disconnect`."""
        line: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._connections.add(line)
        return line

    def disconnect(self, line: asyncio.Future[None]) -> None:
        """The request is answered; nothing is left to break."""
        self._connections.discard(line)

    def drop(self) -> None:
        """Break every connection; what runs on the machine goes on."""
        for line in self._connections:
            if not line.done():
                line.set_result(None)

    def keep(self, task: asyncio.Task[Any]) -> None:
        """Hold on to a request's task while it runs, whoever asked; that its process died is no error."""
        self._tasks.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, Died):
            task.get_loop().call_exception_handler(
                {"message": f"a request to {self.target} failed", "exception": error}
            )

    async def quiet(self) -> None:
        """Return once nothing runs on the host's behalf any more."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    # --- processes

    def spawn(self, argv: tuple[str, ...], parent: int | None = None) -> int:
        """A new process; a child inherits what its parent has open and locked."""
        processes = self.machine.up.processes
        elder = next((process for process in processes.entries if process.pid == parent), None)
        child = Process(processes.next_pid, argv, elder.open if elder else (), elder.locks if elder else ())
        entries = (*processes.entries, child)
        self.machine = self.machine.with_processes(Processes(entries, processes.next_pid + 1))
        return child.pid

    @contextmanager
    def process(self, argv: tuple[str, ...], parent: int | None = None) -> Iterator[int]:
        """A process that lives as long as the body, unless it died before: then its id may be another's by now."""
        if parent is not None:
            self.check_alive(parent)
        pid = self.spawn(argv, parent)
        try:
            yield pid
        except Died:
            raise
        except BaseException:
            self.end(pid)
            raise
        self.end(pid)

    def add_process(self, argv: tuple[str, ...], opened: tuple[str, ...] = (), locks: tuple[str, ...] = ()) -> int:
        """A process that somebody else started."""
        pid = self.spawn(argv)
        self._change_process(pid, Process(pid, argv, opened, locks))
        return pid

    def start_guest(self, device: str, name: str) -> int:
        """A guest that uses a vGPU or a passed-through GPU (`guests.begin`); its process id. Raises Impossible."""
        self._check_on()
        self.machine, process = guests.begin(self.machine, device, name)
        return self.add_process(process.argv, process.open)

    def stop_guest(self, name: str) -> None:
        """Shut a guest down. Raises Impossible when there is none of that name."""
        self._check_on()
        found = guests.find(self.machine, name)
        if found is None:
            running = ", ".join(guests.names(self.machine)) or "none"
            raise Impossible(f"{self.target} runs no guest {name}; it runs {running}")
        self.machine = guests.forget(self.machine, name)
        self.end(found.pid)

    def _check_on(self) -> None:
        if self.machine.running is None:
            raise Impossible(f"{self.target} is off")

    def by_hand(self, write: HostWrite) -> Done | Exited | Failure:
        """Somebody at the keyboard carries out one call, without lock, lease or record, and without waiting."""
        self.machine, reply = writes.carry_out(self.machine, write, self.clock.time)
        self.settle()
        return reply

    def note(self, write: HostWrite) -> None:
        """Remember a write of a program's that went through."""
        done = deed(write, self.clock.time)
        if done is not None:
            self.deeds.append(done)

    def end(self, pid: int) -> None:
        """The process is over, by itself or by SIGKILL; unknown ones are passed over."""
        if self.machine.running is not None:
            self._change_process(pid, None)
            self.machine = vgpus.let_go(self.machine)
        self._tell_death(pid)

    def _tell_death(self, pid: int) -> None:
        death = self._deaths.pop(pid, None)
        if death is not None and not death.done():
            death.set_result(None)

    def _change_process(self, pid: int, changed: Process | None) -> None:
        processes = self.machine.up.processes
        others = tuple(process for process in processes.entries if process.pid != pid)
        entries = others if changed is None else (*others, changed)
        self.machine = self.machine.with_processes(replace(processes, entries=entries))

    def death_of(self, pid: int) -> asyncio.Future[None]:
        """A future that is done when the process is over, or its machine off."""
        return self._deaths.setdefault(pid, asyncio.get_running_loop().create_future())

    def name_of(self, pid: int) -> str:
        """The short name of a process."""
        found = (process for process in self.machine.up.processes.entries if process.pid == pid)
        return next((process.argv[0].rpartition("/")[2] for process in found), "?")

    def check_alive(self, pid: int) -> None:
        """Raise `Died` when the process is gone."""
        if self.machine.running is None or all(process.pid != pid for process in self.machine.up.processes.entries):
            raise Died

    def lock_holder(self) -> int | None:
        """Who holds gpucarve's lock."""
        return keeping.locked_by(self.machine)

    # --- time and chance

    async def elapse(self, seconds: float, pid: int | None = None) -> None:
        """Let a process wait; a hang adds to it. Raises `Died` when it did not live to see the end."""
        boot = self._boot()
        await self.clock.sleep(seconds)
        while (until := self.machine.schedule.hangs_until) is not None and until > self.clock.time:
            await self.clock.sleep(until - self.clock.time)
        if boot is None or self._boot() != boot:
            raise Died
        if pid is not None:
            self.check_alive(pid)

    async def pace(self, pid: int) -> None:
        """A step of a program: real time passes if wanted, a hang is waited for."""
        if self.pacing:
            with self.clock.busy():
                await asyncio.sleep(self.pacing)
        if self.machine.running is None:
            raise Died
        await self.elapse(0.0, pid)

    def place(self, fault: Fault) -> None:
        """Let a fault wait for its moment, counted from now."""
        self._faults.append(replace(fault, number=fault.number + self.counts[fault.point]))

    def strike(self, effect: Effect) -> None:
        """Let it happen now."""
        self._become(strike(self.machine, effect, self.clock.time))
        self.settle()
        if not self.reachable:
            self.drop()

    def count(self, point: Point) -> None:
        """One more of these; strike what waits for it."""
        self.counts[point] += 1
        due = [fault for fault in self._faults if (fault.point, fault.number) == (point, self.counts[point])]
        self._faults = [fault for fault in self._faults if fault not in due]
        for fault in due:
            self.strike(fault.effect)
