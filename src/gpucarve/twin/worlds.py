"""Worlds: hosts under one clock and one seed, and the built-in one.

Boundary: puts the parts together in this process; `server` holds a world in a process of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from gpucarve.calls.transport import HostTransport
from gpucarve.model.hosts import Target
from gpucarve.twin import power
from gpucarve.twin import seed_004 as built_in
from gpucarve.twin.clock import VirtualClock
from gpucarve.twin.commands.invocation import Invocation
from gpucarve.twin.commands.update_grub import update_grub
from gpucarve.twin.hosts import SimulatedHost
from gpucarve.twin.machine import Files, Machine
from gpucarve.twin.transport import TwinHost


class World:
    """Simulated hosts by target. `speed` limits virtual seconds a real second; None lets time jump."""

    def __init__(self, machines: Mapping[Target, Machine], *, seed: int = 0, speed: float | None = None) -> None:
        self.clock = VirtualClock(speed=speed)
        self.clock.on_advance = self._settle
        self.randomness = Random(seed)  # noqa: S311  # a world is replayed from its seed
        self.hosts = {
            target: SimulatedHost(target, machine, self.clock, self.randomness) for target, machine in machines.items()
        }

    def _settle(self, _time: float) -> None:
        for host in self.hosts.values():
            host.settle()

    def host(self, target: Target) -> HostTransport:
        """A new connection to a host. Raises KeyError for one that is not there."""
        return TwinHost(self.hosts[target])


SEED_004_HOST = Target("cci1", "computegpu000")


def seed_004(*, seed: int = 4, speed: float | None = None) -> World:
    """One bare Intel host with two A100 PCIe 80GB, `cci1/computegpu000`."""
    return World({SEED_004_HOST: bare_machine(Random(seed))}, seed=seed, speed=speed)  # noqa: S311  # as above


def bare_machine(randomness: Random) -> Machine:
    """The built-in machine, booted once from the menu its own settings make."""
    machine = Machine(built_in.hardware(), Files(built_in.stored()))
    return power.come_up(update_grub(machine, Invocation(("update-grub",))).machine, randomness)
