"""The guest and a twin of it side by side: one call to both, and their replies in a form that can be compared.

`EXPLAINED` is the closed list of what is not compared, each with its reason. Every other difference is a bug of one.

Boundary: the twin's machine is made here after the guest's `machine.py`; nothing is read from the guest.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random

from gpucarve.calls.primitives import FindHolders, HostRead, HostWrite, Inspect, ReadFiles, ReadLinks, Stat
from gpucarve.calls.programs import Acquire, CallOutcome, Guarded, Program, Refusal
from gpucarve.calls.replies import Exited, Failure, Files, Holders, Links, PathStatuses, Reply
from gpucarve.calls.replies import File as FileReply
from gpucarve.calls.transport import HostTransport
from gpucarve.model.hosts import Target
from gpucarve.twin import power, seed_004
from gpucarve.twin.commands.invocation import Invocation
from gpucarve.twin.commands.update_grub import update_grub
from gpucarve.twin.hosts import SimulatedHost
from gpucarve.twin.machine import Files as Stored
from gpucarve.twin.machine import Hardware, Machine, PciDevice, VgpuDriver
from gpucarve.twin.nodes import File
from gpucarve.twin.scenes import Scene
from gpucarve.twin.worlds import World
from tests.kernel.bench import GPU
from tests.kernel.machine import GPU_ADDRESS

TWIN = Target("twin", "gpuhost")
_PORT = "0000:00:15.0"  # the guest's root port with the GPU behind it


def twin_of_the_guest(arguments: str) -> World:
    """A simulated machine with the guest's GPU at the guest's place, booted with these kernel arguments."""
    port = PciDevice(_PORT, f"pci0000:00/{_PORT}", "1b36", "000c", "060400", "PCIe Root port", driver="pcieport")
    gpu = PciDevice(
        address=GPU_ADDRESS,
        path=f"pci0000:00/{_PORT}/{GPU_ADDRESS}",
        vendor="10de",
        device=f"{GPU.device_id:04x}",
        pci_class="030200",
        name="GA100 [A100 PCIe 80GB]",
        subsystem_vendor="10de",
        subsystem_device=f"{GPU.subsystem_id:04x}",
        numa_node=-1,
        driver="nvidia",
        total_vfs=GPU.total_vfs,
        vf_offset=GPU.vf_offset,
        vf_stride=GPU.vf_stride,
        memory_mib=81920,
    )
    kernel = seed_004.KERNEL
    hardware = Hardware("gpuhost", kernel, "GenuineIntel", "QEMU Virtual CPU", 2, (port, gpu), _driver())
    settings = File(f'GRUB_CMDLINE_LINUX_DEFAULT="{arguments}"\n'.encode())
    stored = Stored(seed_004.stored() | {"/etc/default/grub": settings})
    machine = update_grub(Machine(hardware, stored), Invocation(("update-grub",))).machine
    machine = power.come_up(machine, Random(5))  # noqa: S311 - any boot id will do
    return World(Scene({str(TWIN): machine}, seed=5))


def _driver() -> VgpuDriver:
    """The types that the guest's driver knows: those of a GPU without MIG mode."""
    driver = seed_004.driver()
    plain = {device: tuple(each for each in types if not each.mig_backed) for device, types in driver.types.items()}
    return replace(driver, types=plain)


@dataclass
class Pair:
    """Both, with a transport to each; `asked` counts the calls, `different` holds what did not agree."""

    world: World
    kernel: HostTransport
    asked: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)

    @property
    def twin(self) -> SimulatedHost:
        """The simulated machine."""
        return self.world.hosts[TWIN]

    async def ask(self, call: HostRead | HostWrite) -> None:
        """Ask both, and note when they differ."""
        answers = [await _ask(transport, call) for transport in (self.world.host(TWIN), self.kernel)]
        twin, kernel = (comparable(call, answer) for answer in answers)
        self.asked.append(f"{call} -> {_kind(answers[1])}")
        if twin != kernel:
            self.different.append(f"{call}\n    twin:   {_only(twin, kernel)}\n    kernel: {_only(kernel, twin)}")


async def _ask(transport: HostTransport, call: HostRead | HostWrite) -> Reply | CallOutcome | Refusal | None:
    if isinstance(call, ReadFiles | ReadLinks | Stat | FindHolders | Inspect):
        replies = await transport.gather((call,))
        return replies if isinstance(replies, Refusal) else replies[0]
    program = Program("pair", "pair", Acquire(30), (Guarded(call),))
    reply = await transport.run(program)
    return reply if isinstance(reply, Refusal) else reply.outcomes[0]


def _kind(answer: Reply | CallOutcome | Refusal | None) -> str:
    match answer:
        case CallOutcome(state, reply):
            return f"{state.value}, {_kind(reply)}"
        case Failure(kind):
            return kind.value
        case Exited(status):
            return f"status {status}"
        case _:
            return type(answer).__name__


def _only(one: object, other: object) -> object:
    """What of a long answer is not in the other."""
    if isinstance(one, list) and isinstance(other, list):
        return [each for each in one if each not in other]
    return one


@dataclass(frozen=True)
class Explained:
    """A difference that is none: what is left out of an answer, and why."""

    why: str
    of: Callable[[object], object]


def comparable(call: HostRead | HostWrite, answer: object) -> object:
    """The answer without what EXPLAINED leaves out, long ones as lists."""
    for each in EXPLAINED:
        answer = each.of(answer)
    match answer:
        case Files(entries) | Links(entries) | PathStatuses(entries) | Holders(entries):
            return list(entries)
        case _:
            return answer


_OURS = re.compile(rf"{re.escape(GPU_ADDRESS[:-4])}|/mdev|^/etc/mdevctl|^/dev/vfio/\d|gpucarve|nvidia|mdevctl")


def _ours_alone(answer: object) -> object:
    match answer:
        case Files(entries):
            return Files(tuple(each for each in entries if _OURS.search(each.path)))
        case Links(entries):
            return Links(tuple(each for each in entries if _OURS.search(each.path)))
        case PathStatuses(entries):
            return PathStatuses(tuple(each for each in entries if _OURS.search(each.path)))
        case _:
            return answer


def _no_details(answer: object) -> object:
    match answer:
        case Failure(kind):
            return Failure(kind)
        case CallOutcome(state, reply):
            return CallOutcome(state, _no_details(reply))  # type: ignore[arg-type]  # a reply stays one
        case Files(entries):
            return Files(
                tuple(replace(each, failure=Failure(each.failure.kind)) if each.failure else each for each in entries)
            )
        case _:
            return answer


_VERSION = "/proc/driver/nvidia/version"
_STAND_IN = re.compile(rb".*(?:test stand-in, not NVIDIA's tool|echo: I/O error)\n| \(test stand-in\)")


def _no_stand_in(answer: object) -> object:
    match answer:
        case CallOutcome(state, Exited() as exited):
            return CallOutcome(state, replace(exited, stderr=_STAND_IN.sub(b"", exited.stderr)))
        case Files(entries):
            return Files(tuple(_version(each) if each.path == _VERSION else each for each in entries))
        case _:
            return answer


def _version(file: FileReply) -> FileReply:
    found = re.search(rb"\d+\.\d+\.\d+", file.content)
    return replace(file, content=found[0] if found else b"")


def _no_usage(answer: object) -> object:
    match answer:
        case CallOutcome(state, Exited(status=2) as exited):
            return CallOutcome(state, replace(exited, stderr=b""))
        case _:
            return answer


_GROUP = re.compile(r"(iommu_groups/|/dev/vfio/)\d+")


def _no_group_numbers(answer: object) -> object:
    match answer:
        case Links(entries):
            return Links(tuple(replace(each, target=_GROUP.sub(r"\1N", each.target)) for each in entries))
        case Holders(entries):
            return Holders(tuple(replace(each, path=_GROUP.sub(r"\1N", each.path), pid=0) for each in entries))
        case _:
            return answer


EXPLAINED = (
    Explained("numbers of IOMMU groups and processes depend on what else is there", _no_group_numbers),
    Explained("the machines have other devices and files beside the GPU", _ours_alone),
    Explained("a failure's detail is the words of the tool that was asked; its kind is what counts", _no_details),
    Explained("the bench's driver and sriov-manage say that they are stand-ins; its shell complains", _no_stand_in),
    Explained("mdevctl's parser explains a wrong use at length; its status is what counts", _no_usage),
)
