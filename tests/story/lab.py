"""A fleet of one simulated host, and what a person would do with it: apply, look, roll back.

Boundary: drives `gpucarve.app` the way a face does, but approves every plan.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gpucarve import app, spec
from gpucarve.calls import state
from gpucarve.checks.verification import verify
from gpucarve.engine.converge import Result
from gpucarve.engine.endings import Ending
from gpucarve.engine.events import Event
from gpucarve.facts.observed import Observed
from gpucarve.journal.store import Journal
from gpucarve.model.findings import Finding, Verdict
from gpucarve.model.hosts import Target
from gpucarve.plan.plans import Plan, Purpose
from gpucarve.twin import worlds
from gpucarve.twin.hosts import SimulatedHost
from gpucarve.twin.scenes import Scene

HOST = worlds.SEED_004_HOST
GPU = "0000:65:00.0"
TYPE = "A100D-40C"
IDLE = {"vfio", "vfio_iommu_type1", "vfio_pci", "vfio_pci_core"}


def document(vgpus: str = f"{{{TYPE}: 2}}", gpu: str = GPU) -> bytes:
    """A fleet document for the built-in host."""
    return f"""
apiVersion: gpucarve/v1alpha1
kind: Fleet
metadata: {{name: lab}}
sites:
  - name: {HOST.site}
    platform: linux
    access: {{ssh: {{user: admin}}}}
    pools:
      - name: vdi
        nodes: {{names: [{HOST.name}]}}
        workload: vm-vgpu
        cut: [{{gpu: "{gpu}", vgpu: {vgpus}}}]
""".encode()


def fleet_of(text: bytes) -> app.Fleet:
    """The loaded document."""
    return app.Fleet.of(spec.load(text, "fleet.yaml"), text)


def footprint(host: SimulatedHost) -> dict[str, Any]:
    """Everything a rollback has to bring back: files with mode and owner, links, command line, devices, MIG, services.

    What gpucarve keeps for itself under /var/lib/gpucarve is left out: the fence must outlive every run. So are vfio's
    modules, which may stay loaded until the next boot and do nothing without a function.
    """
    machine = host.machine
    running = machine.up
    nodes = {path: node for path, node in machine.files.nodes.items() if not path.startswith(state.ROOT)}
    devices = running.devices
    return {
        "files": nodes,
        "command line": running.boot.cmdline,
        "virtual functions": {gpu: count for gpu, count in devices.vfs.items() if count},
        "drivers": dict(devices.drivers),
        "overrides": dict(devices.overrides),
        "modules": sorted(set(devices.modules) - IDLE),
        "vgpus": sorted(devices.mdevs, key=lambda each: each.uuid),
        "mig": (sorted(devices.mig), sorted(machine.mig_kept)),
        "instances": sorted(devices.instances, key=lambda each: (each.gpu, each.start)),
        "services": sorted(process.unit for process in running.processes.entries if process.unit),
    }


def difference(now: dict[str, Any], start: dict[str, Any]) -> dict[str, Any]:
    """What of a footprint is not as it was; of files their paths."""
    found: dict[str, Any] = {}
    for name, value in now.items():
        was = start[name]
        if value != was and isinstance(value, dict) and isinstance(was, dict):
            found[name] = sorted(key for key in value.keys() | was.keys() if value.get(key) != was.get(key))
        elif value != was:
            found[name] = (value, was)
    return found


@dataclass
class Lab:
    """One host, one document, and a controller with its journal in `folder`.

    `scene` is the world as it begins, the built-in one of this `seed` without; `target` is its host.
    """

    folder: Path
    text: bytes = field(default_factory=document)
    seed: int = 4
    scene: Scene | None = None
    target: Target = HOST
    world: worlds.World = field(init=False)
    journal: Journal = field(init=False)
    events: list[Event] = field(default_factory=list)
    boots: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        scene = self.scene or worlds.seed_004_scene(self.seed)
        self.world = worlds.World(replace(scene, seed=self.seed))
        self.journal = Journal(self.folder / "journal.sqlite")

    @property
    def host(self) -> SimulatedHost:
        """The machine itself."""
        return self.world.hosts[self.target]

    @property
    def fleet(self) -> app.Fleet:
        """The document."""
        return fleet_of(self.text)

    async def observed(self) -> Observed:
        """A snapshot of the host."""
        found = (await app.observe(self.world, (self.target,)))[self.target]
        assert isinstance(found, Observed), found
        return found

    async def survey(self, purpose: Purpose = Purpose.APPLY) -> app.Survey:
        """Look and draft."""
        return await app.survey(self.world, self.fleet, purpose)

    async def run(self, purpose: Purpose = Purpose.APPLY, **options: bool) -> Result:
        """Go on with a run that was cut off, or plan, approve and apply."""
        run = app.unfinished(self.journal, self.fleet, purpose)
        if run is not None:
            return await self.apply(run.plan, continued=run, **options)
        survey = await self.survey(purpose)
        assert not survey.problems, [each.sentence() for each in survey.problems]
        return await self.apply(survey.draft.plan, **options)

    async def later(self, purpose: Purpose) -> Result | None:
        """What a person does who comes back after a while; None when the host does not answer yet."""
        await self.world.clock.sleep(1000.0)
        if app.unfinished(self.journal, self.fleet, purpose) is None and not self.host.reachable:
            return None
        return await self.run(purpose)

    async def apply(self, plan: Plan, **options: Any) -> Result:
        """Apply a plan."""
        return await app.apply(self.world, self.journal, plan, self.events.append, **options)

    async def verify(self) -> tuple[Finding, ...]:
        """What stands of the document."""
        return verify((await self.survey()).draft)

    async def stands(self) -> bool:
        """Whether all of it does."""
        return all(each.verdict is Verdict.HOLDS for each in await self.verify())


async def until_done(attempt: Callable[[], Awaitable[Result | None]], attempts: int = 5) -> list[Ending]:
    """Run the same verb again and again, as a person would; the endings before the one that was done."""
    endings: list[Ending] = []
    for _ in range(attempts):
        result: Result | None = await attempt()
        if result is not None and result.done:
            return endings
        endings.extend(result.endings.values() if result is not None else ())
    raise AssertionError(f"never done: {endings}")
