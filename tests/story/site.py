"""A site of several simulated hosts under one rollout, and what a person does with it.

Boundary: as `lab`, which has one host; every plan is approved.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

from gpucarve import app
from gpucarve.engine.converge import Result
from gpucarve.engine.events import Begun, Event, TargetEnded
from gpucarve.engine.pausing import Pause
from gpucarve.journal.store import Journal
from gpucarve.model.hosts import Target
from gpucarve.plan.plans import Purpose
from gpucarve.twin.hosts import SimulatedHost
from gpucarve.twin.scenes import Scene
from gpucarve.twin.worlds import World, bare_machine
from tests.story.lab import GPU, TYPE, fleet_of, footprint

SITE = "hall"


def host(number: int) -> Target:
    """The host of this number, from 0."""
    return Target(SITE, f"gpu-{number}")


def scene(size: int, seed: int = 4) -> Scene:
    """So many bare hosts, each as the built-in one."""
    machines = {}
    for number in range(size):
        machine = bare_machine(Random(f"{seed} {number}"))  # noqa: S311  # a world is replayed from its seed
        hardware = replace(machine.hardware, hostname=host(number).name)
        machines[str(host(number))] = replace(machine, hardware=hardware)
    return Scene(machines, seed=seed)


def document(size: int, rollout: str = "{}", vgpus: int = 2) -> bytes:
    """A fleet document for all of them: the first two in the pool `front`, the rest in `rear`."""
    pools = {"front": range(min(size, 2)), "rear": range(2, size)}
    made = [
        f"""
      - name: {name}
        nodes: {{names: [{", ".join(host(number).name for number in numbers)}]}}
        workload: vm-vgpu
        cut: [{{gpu: "{GPU}", vgpu: {{{TYPE}: {vgpus}}}}}]"""
        for name, numbers in pools.items()
        if numbers
    ]
    return f"""
apiVersion: gpucarve/v1alpha1
kind: Fleet
metadata: {{name: {SITE}}}
sites:
  - name: {SITE}
    platform: linux
    access: {{ssh: {{user: admin}}}}
    rollout: {rollout}
    pools: {"".join(made)}
""".encode()


@dataclass
class Hall:
    """`size` hosts, one document, and a controller with its journal in `folder`."""

    folder: Path
    size: int = 10
    rollout: str = "{canary: 1, maxUnavailable: 3, maxFailures: 2}"
    world: World = field(init=False)
    journal: Journal = field(init=False)
    fleet: app.Fleet = field(init=False)
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.world = World(scene(self.size))
        self.journal = Journal(self.folder / "journal.sqlite")
        self.fleet = fleet_of(document(self.size, self.rollout))

    def __getitem__(self, number: int) -> SimulatedHost:
        return self.world.hosts[host(number)]

    def footprints(self, *, but: int | None = None) -> list[dict[str, Any]]:
        """What each host has on it, without one that has no power."""
        return [footprint(self[number]) for number in range(self.size) if number != but]

    async def survey(self, purpose: Purpose = Purpose.APPLY) -> app.Survey:
        """Look and draft."""
        return await app.survey(self.world, self.fleet, purpose)

    async def run(self, purpose: Purpose = Purpose.APPLY, pause: Pause | None = None) -> Result:
        """Go on with a run that had not ended, or plan, approve and apply."""
        self.events.clear()
        run = app.unfinished(self.journal, self.fleet, purpose)
        plan = run.plan if run else (await self.survey(purpose)).offer.plan
        return await app.apply(self.world, self.journal, plan, self.emit, continued=run, pause=pause)

    def emit(self, event: Event) -> None:
        """Hear an event."""
        self.events.append(event)

    @property
    def begun(self) -> list[Target]:
        """Who had its turn, in this order."""
        return [event.target for event in self.events if isinstance(event, Begun)]

    @property
    def most_under_way(self) -> int:
        """How many hosts were between their beginning and their ending at once, at most."""
        now: set[Target] = set()
        most = 0
        for event in self.events:
            if isinstance(event, Begun):
                now.add(event.target)
            elif isinstance(event, TargetEnded):
                now.discard(event.target)
            most = max(most, len(now))
        return most
