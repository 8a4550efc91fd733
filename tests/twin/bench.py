"""The built-in world with short ways to ask it and to change it, as a controller and as somebody at the keyboard."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from gpucarve.calls.primitives import HostRead, HostWrite, Inspect, ReadFiles, ReadLinks, Run, WriteFile, WriteValue
from gpucarve.calls.programs import Acquire, CallOutcome, Guarded, Program, ProgramReply, Refusal
from gpucarve.calls.replies import Exited, File, Files, Links, Reply
from gpucarve.calls.transport import HostTransport
from gpucarve.model.hosts import Target
from gpucarve.twin.hosts import SimulatedHost
from gpucarve.twin.machine import Machine
from gpucarve.twin.sight import view
from gpucarve.twin.worlds import SEED_004_HOST, World

GPU = "0000:65:00.0"
OTHER_GPU = "0000:17:00.0"
VF, NEXT_VF, THIRD_VF = "0000:65:00.4", "0000:65:00.5", "0000:65:00.6"
UUID = "330be289-ba3f-4416-8c8a-b46ba7e51284"
NEXT_UUID = "1ba5392c-c61f-4f48-8fb1-4c6b2bbb0673"
THIRD_UUID = "f6868020-eb3a-49c6-9701-6c93e4e3fa9c"
SRIOV_MANAGE = "/usr/lib/nvidia/sriov-manage"
TYPES = "/sys/class/mdev_bus/{}/mdev_supported_types/{}"


@dataclass
class Bench:
    """One world and one connection to its host."""

    world: World
    target: Target = SEED_004_HOST
    host: SimulatedHost = field(init=False)
    transport: HostTransport = field(init=False)

    def __post_init__(self) -> None:
        self.host = self.world.hosts[self.target]
        self.transport = self.world.host(self.target)

    @property
    def machine(self) -> Machine:
        return self.host.machine

    async def read(self, *reads: HostRead) -> tuple[Reply, ...]:
        replies = await self.transport.gather(reads)
        assert not isinstance(replies, Refusal), replies
        return replies

    async def files(self, *patterns: str) -> dict[str, File]:
        (reply,) = await self.read(ReadFiles(patterns))
        assert isinstance(reply, Files)
        return {entry.path: entry for entry in reply.entries}

    async def text(self, path: str) -> str:
        return (await self.files(path))[path].text()

    async def links(self, *patterns: str) -> dict[str, str]:
        (reply,) = await self.read(ReadLinks(patterns))
        assert isinstance(reply, Links)
        return reply.by_path()

    async def ask(self, *argv: str) -> Exited:
        (reply,) = await self.read(Inspect(argv))
        assert isinstance(reply, Exited), reply
        return reply

    async def program(self, *writes: HostWrite, run: str = "r1") -> ProgramReply | Refusal:
        guarded = tuple(Guarded(write) for write in writes)
        return await self.transport.run(Program("laptop", run, Acquire(30), guarded))

    async def write(self, write: HostWrite) -> CallOutcome:
        """Carry out one write in a program of its own."""
        reply = await self.program(write)
        assert isinstance(reply, ProgramReply), reply
        return reply.outcomes[0]

    def hand(self, *argv: str) -> Exited:
        """Run a command at the keyboard."""
        reply = self.host.by_hand(Run(argv))
        assert isinstance(reply, Exited), reply
        return reply

    def create(self, vf: str, type_id: str, uuid: str) -> Reply:
        """Make a vGPU through sysfs at the keyboard."""
        return self.host.by_hand(WriteValue(f"{TYPES.format(vf, type_id)}/create", uuid))

    def set_kernel_arguments(self, arguments: str) -> None:
        """Change the GRUB settings and the menu, as somebody with an editor would."""
        content = view(self.machine).file("/etc/default/grub").content
        changed = content.replace(b"quiet intel_iommu=off", arguments.encode())
        self.host.by_hand(WriteFile("/etc/default/grub", changed))
        assert self.hand("update-grub").status == 0

    async def reboot(self) -> None:
        """Reboot and wait until it is over."""
        assert self.hand("systemctl", "reboot").status == 0
        await self.world.clock.sleep(100)

    async def begun(self) -> None:
        """Return when a program has started its first command."""
        await eventually(lambda: len(self.machine.up.processes.entries) > 1)

    async def make_ready(self) -> None:
        """IOMMU on and VFs enabled on both GPUs."""
        self.set_kernel_arguments("quiet intel_iommu=on")
        await self.reboot()
        assert self.hand(SRIOV_MANAGE, "-e", "ALL").status == 0

    async def left(self, vf: str, type_id: str) -> int:
        return int(await self.text(f"{TYPES.format(vf, type_id)}/available_instances"))


async def eventually(condition: Callable[[], bool | Awaitable[bool]], pause: float = 0.0) -> None:
    """Look again and again, every `pause` real seconds, until it is so."""
    while True:
        answer = condition()
        if answer is True or (not isinstance(answer, bool) and await answer):
            return
        await asyncio.sleep(pause)
