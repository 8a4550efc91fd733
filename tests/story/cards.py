"""The built-in host under documents of any cut, and everything of it that a change of one card must leave alone.

Boundary: as `lab`, which writes documents of one kind. Services are put there as somebody who installs a package would.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from gpucarve import catalog
from gpucarve.calls.primitives import Run, WriteFile
from gpucarve.calls.replies import Exited
from gpucarve.engine.converge import Result
from gpucarve.facts import mediated
from gpucarve.model.changes import Disruption
from gpucarve.plan.plans import Plan, Purpose
from gpucarve.twin import initramfs, power, seed_004
from gpucarve.twin.commands.invocation import Invocation
from gpucarve.twin.commands.update_grub import update_grub
from gpucarve.twin.faults import Point
from gpucarve.twin.hosts import SimulatedHost
from gpucarve.twin.machine import Files, Machine, VgpuDriver, VgpuType
from tests.story.kinds import workload
from tests.story.lab import GPU, HOST, Lab, footprint

OTHER_GPU = "0000:17:00.0"
SERVICE = "/etc/systemd/system/{}.service"


def with_h100s() -> Machine:
    """The built-in machine with H100s in the place of its A100s: no reset for MIG, and none of it kept over a boot."""
    kinds = catalog.load().vgpu_types("H100")
    types = tuple(
        VgpuType(900 + number, str(each.name), each.framebuffer_mib, each.max_per_gpu or 1, mig_backed=_in_mig(each))
        for number, each in enumerate(kinds)
    )
    hardware = seed_004.hardware()
    devices = tuple(
        replace(each, device="2331", subsystem_device="1626", product="NVIDIA H100 PCIe") if each.memory_mib else each
        for each in hardware.devices
    )
    driver = VgpuDriver("535.161.05", {"2331": types})
    machine = Machine(replace(hardware, devices=devices, driver=driver), Files(seed_004.stored()))
    machine = update_grub(machine, Invocation(("update-grub",))).machine
    machine = initramfs.make(machine, hardware.kernel, initramfs.TOOLS)
    return power.come_up(machine, Random("first boot of the machine with H100s"))  # noqa: S311  # replayed from its seed


def _in_mig(kind: catalog.VgpuType) -> bool:
    return kind.mode is not catalog.VgpuMode.TIME_SLICED


def document(**cuts: str) -> bytes:
    """A fleet document for the built-in host: `at_65` and `at_17` are what those cards become, `vgpu: {…}`."""
    entries = {"at_65": GPU, "at_17": OTHER_GPU}
    (serves,) = {workload(text) for text in cuts.values()}
    cut = ", ".join(f'{{gpu: "{entries[name]}", {text}}}' for name, text in cuts.items())
    return f"""
apiVersion: gpucarve/v1alpha1
kind: Fleet
metadata: {{name: lab}}
sites:
  - name: {HOST.site}
    platform: linux
    access: {{ssh: {{user: admin}}}}
    pools:
      - name: cards
        nodes: {{names: [{HOST.name}]}}
        workload: {serves}
        cut: [{cut}]
""".encode()


def whole_footprint(host: SimulatedHost) -> dict[str, Any]:
    """What `footprint` tells, and MIG with what boards remember of it, overrides, and the services that run."""
    machine = host.machine
    devices = machine.up.devices
    return footprint(host) | {
        "mig": (devices.mig, machine.mig_kept),
        "instances": sorted(devices.instances, key=lambda each: (each.gpu, each.start)),
        "overrides": {address: name for address, name in devices.overrides.items() if name},
        "services": sorted({process.unit for process in machine.up.processes.entries if process.unit}),
    }


@dataclass
class Card:
    """What one card carries: its functions' drivers, instances, vGPUs with their groups, definitions on disk."""

    drivers: dict[str, str]
    instances: list[Any]
    vgpus: list[tuple[Any, int]]
    definitions: dict[str, Any]


def card(host: SimulatedHost, gpu: str) -> Card:
    """A card as it is now."""
    devices, slot = host.machine.up.devices, gpu.rpartition(".")[0]
    return Card(
        {address: name for address, name in devices.drivers.items() if address.startswith(slot)},
        [each for each in devices.instances if each.gpu == gpu],
        [(each, devices.groups[each.uuid]) for each in devices.mdevs if each.parent.startswith(slot)],
        {
            path: node
            for path, node in host.machine.files.nodes.items()
            if path.startswith(f"{mediated.DEFINITIONS}/{slot}")
        },
    )


@dataclass
class Cards(Lab):
    """A lab whose runs are looked at more closely."""

    @classmethod
    def of(cls, folder: Path, **cuts: str) -> Cards:
        """With its first document."""
        return cls(folder, document(**cuts))

    @property
    def written(self) -> int:
        """How many writes programs have carried out."""
        return self.host.counts[Point.AFTER_WRITE]

    def by_hand(self, *argv: str) -> str:
        """A command at the keyboard that goes well."""
        reply = self.host.by_hand(Run(argv))
        assert isinstance(reply, Exited), reply
        assert reply.status == 0, reply
        return reply.text()

    def install(self, service: str, program: str, *, enabled: bool = True) -> None:
        """A known service, which runs from now on, and after a boot where it is enabled."""
        text = f"[Service]\nType=forking\nExecStart={program}\n\n[Install]\nWantedBy=multi-user.target\n"
        self.host.by_hand(WriteFile(SERVICE.format(service), text.encode()))
        if enabled:
            self.by_hand("systemctl", "enable", f"{service}.service")
        self.by_hand("systemctl", "start", service)

    @property
    def services(self) -> list[str]:
        """Those that run."""
        found = {process.unit.removesuffix(".service") for process in self.host.machine.up.processes.entries}
        return sorted(found - {""})

    async def planned(self, purpose: Purpose = Purpose.APPLY) -> Plan:
        """The plan, which nothing stands in the way of."""
        survey = await self.survey(purpose)
        assert not survey.problems, [each.sentence() for each in survey.problems]
        return survey.draft.plan

    async def refused(self, purpose: Purpose = Purpose.APPLY) -> str:
        """What stands in the way, in sentences; each says what to do."""
        problems = (await self.survey(purpose)).problems
        assert problems
        assert all(each.fact and each.rule and each.fix for each in problems), problems
        return "; ".join(each.sentence() for each in problems)

    async def becomes(self, text: bytes) -> Plan:
        """The host under another document, verified, with nothing left to write; the plan that brought it there."""
        self.text = text
        plan = await self.planned()
        await self._carried_out(plan)
        assert await self.stands(), [each.sentence() for each in await self.verify()]
        await self._nothing_left(Purpose.APPLY)
        return plan

    async def goes_back(self) -> Plan:
        """The host rolled back."""
        plan = await self.planned(Purpose.ROLLBACK)
        await self._carried_out(plan)
        await self._nothing_left(Purpose.ROLLBACK)
        return plan

    async def _carried_out(self, plan: Plan) -> None:
        result: Result = await self.apply(plan)
        assert result.done, result.endings

    async def _nothing_left(self, purpose: Purpose) -> None:
        written, files = self.written, self.host.machine.files
        again = await self.planned(purpose)
        assert again.stages == ()
        assert (await self.apply(again)).done
        assert (self.written, self.host.machine.files) == (written, files)


def disrupted(plan: Plan) -> set[str]:
    """What a plan disturbs: GPUs, or the host."""
    return {step.disruption.scope for step in plan.steps if step.disruption != Disruption()}


def touched(plan: Plan) -> set[str]:
    """The GPUs that steps are about."""
    return {step.key.subject.partition("#")[0] for step in plan.steps if step.key.subject.startswith("0000:")}
