"""Snapshots of one host, written by hand: bare, ready for vGPUs, carrying them; and flows driven by hand.

Boundary: values. The twin is asked elsewhere; here a fact can be what no twin would show.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from gpucarve.calls.flows import Flow
from gpucarve.calls.primitives import Now, Sleep
from gpucarve.calls.programs import CallOutcome, CallState, Guarded
from gpucarve.calls.replies import Done, Exited, Failure, FailureKind, Instant
from gpucarve.facts import (
    bindings,
    boot,
    domains,
    driver,
    entries,
    grub,
    initramfs,
    loader,
    mediated,
    mig,
    modules,
    ours,
    pci,
    units,
    users,
    vendor_vfio,
)
from gpucarve.facts.observed import Observed, Unknown
from gpucarve.model.hosts import ResourceKey, Target
from gpucarve.model.pci import PciAddress
from gpucarve.resources.decisions import Batch, Blocked, Change, Decision, Outlook, Resource, Settled
from gpucarve.resources.host import slots

HOST = Target("lab", "gpu-1")
GPU = PciAddress.parse("0000:65:00.0")
OTHER_GPU = PciAddress.parse("0000:17:00.0")
VFS = tuple(PciAddress.parse(f"0000:65:00.{number}") for number in (4, 5, 6, 7))
TYPE, TYPE_ID = "A100D-40C", "nvidia-697"
FOREIGN = "73269d0f-b2c9-438d-8f28-f9e4bc6c6995"
BARE = 'GRUB_CMDLINE_LINUX_DEFAULT="quiet"\nGRUB_CMDLINE_LINUX=""\n'
MERGED = 'GRUB_CMDLINE_LINUX_DEFAULT="quiet"\nGRUB_CMDLINE_LINUX="intel_iommu=on iommu=pt"\n'
PLAIN = ("ro", "quiet")
WITH_IOMMU = ("ro", "intel_iommu=on", "iommu=pt", "quiet")


def uuid(place: int) -> str:
    """The UUID of the vGPU that we make on the virtual function at a place."""
    return slots.uuid_for(VFS[place])


def functions(
    enabled: int = 4, *, total: int = 4, bound: str = "nvidia", vf_driver: str = ""
) -> tuple[pci.Function, ...]:
    """The GPU with so many virtual functions on, and another GPU with none."""
    on = VFS[:enabled]
    gpu = pci.Function(GPU, "20b5", "1533", "0302", bound, 12, total, enabled, on)
    other = pci.Function(OTHER_GPU, "20b5", "1533", "0302", "nvidia", 11, 16)
    virtual = (pci.Function(each, "20b5", "0000", "0302", vf_driver, physical_function=GPU) for each in on)
    return (gpu, other, *virtual)


def vgpus(
    running: dict[str, PciAddress] | None = None,
    defined: dict[str, PciAddress] | None = None,
    *,
    type_id: str = TYPE_ID,
    defined_as: str = TYPE_ID,
    available: int = 1,
    users: tuple[users.User, ...] = (),
    folders: tuple[PciAddress, ...] = (),
) -> mediated.Mediated:
    """Mediated devices by UUID and parent; each virtual function offers one type."""
    offered = {
        TYPE: mediated.MdevType(TYPE_ID, TYPE, available),
        "A100D-20C": mediated.MdevType("nvidia-696", "A100D-20C", 1),
    }
    defined = defined or {}
    return mediated.Mediated(
        dict.fromkeys(VFS, offered),
        {each: mediated.Mdev(each, parent, type_id, users) for each, parent in (running or {}).items()},
        {each: mediated.Definition(each, parent, defined_as, "manual") for each, parent in defined.items()},
        frozenset((*folders, *defined.values())),
    )


def modes(
    current: bool | None = False, pending: bool | None = False, standing: tuple[mig.GpuInstance, ...] = ()
) -> mig.Mig:
    """The GPU's MIG mode and instances; the other GPU is not in MIG mode."""
    gpus = (mig.GpuMig(GPU, current, pending, standing), mig.GpuMig(OTHER_GPU, False, False))
    return mig.Mig({each.gpu: each for each in gpus})


@dataclass
class Sight:
    """What is seen of the host. Defaults: IOMMU on, virtual functions on, no vGPU, nothing ours."""

    boot: boot.Boot | Unknown = field(
        default_factory=lambda: boot.Boot("b1", "6.1", WITH_IOMMU, "GenuineIntel", "DMAR", virtualization=True)
    )
    grub: grub.Grub | Unknown | None = field(default_factory=lambda: grub.Grub(MERGED.encode(), (WITH_IOMMU,)))
    loader: loader.BootLoader | Unknown = field(default_factory=lambda: loader.BootLoader("grub"))
    entries: entries.Entries | Unknown = field(default_factory=entries.Entries)
    driver: driver.Driver | Unknown = field(default_factory=lambda: driver.Driver("525.105.14", True, True, True))
    functions: tuple[pci.Function, ...] | Unknown = field(default_factory=functions)
    mediated: mediated.Mediated | Unknown = field(default_factory=vgpus)
    claims: dict[str, dict[str, Any]] | Unknown = field(default_factory=dict)
    mig: mig.Mig | Unknown = field(default_factory=modes)
    units: units.BootUnit | Unknown = field(default_factory=lambda: units.BootUnit(state="inactive"))
    modules: modules.Modules | Unknown = field(default_factory=modules.Modules)
    initramfs: initramfs.Initramfs | Unknown = field(default_factory=lambda: initramfs.Initramfs("initramfs-tools"))
    bindings: bindings.Bindings | Unknown = field(default_factory=bindings.Bindings)
    users: users.Users | Unknown = field(default_factory=users.Users)
    vendor_vfio: vendor_vfio.VendorVfio | Unknown = field(default_factory=vendor_vfio.VendorVfio)
    domains: domains.Domains | Unknown = field(default_factory=domains.Domains)

    def observed(self) -> Observed:
        """As a snapshot."""
        bus = self.functions if isinstance(self.functions, Unknown) else _by_address(self.functions)
        kept = self.claims if isinstance(self.claims, Unknown) else ours.Ours(claims=self.claims)
        facts: dict[str, object] = {
            boot.PROBE.name: self.boot,
            grub.PROBE.name: self.grub,
            loader.PROBE.name: self.loader,
            entries.PROBE.name: self.entries,
            driver.PROBE.name: self.driver,
            pci.PROBE.name: bus,
            mediated.PROBE.name: self.mediated,
            ours.PROBE.name: kept,
            mig.PROBE.name: self.mig,
            units.PROBE.name: self.units,
            modules.PROBE.name: self.modules,
            initramfs.PROBE.name: self.initramfs,
            bindings.PROBE.name: self.bindings,
            users.PROBE.name: self.users,
            vendor_vfio.PROBE.name: self.vendor_vfio,
            domains.PROBE.name: self.domains,
        }
        return Observed(HOST, facts)


def _by_address(found: tuple[pci.Function, ...]) -> pci.Functions:
    return pci.Functions({each.address: each for each in found})


def claim(place: int = 0, **more: Any) -> dict[str, dict[str, Any]]:
    """The claim of a slot on the virtual function at the same place."""
    record = {
        "kind": "vgpu",
        "gpu": str(GPU),
        "vf": str(VFS[place]),
        "uuid": uuid(place),
        "type": TYPE,
        "adopted": False,
    }
    if not more.get("adopted"):
        record["boot"] = f"vgpu {uuid(place)} {VFS[place]}"
    return {f"vgpu@{GPU}#{TYPE}.{place}": record | {"directory_before": False} | more}


def claimless(kind: str) -> ResourceKey:
    """The key of some other resource of the host."""
    return ResourceKey(HOST, kind)


def decide(resource: Resource, sight: Sight | None = None, outlook: Outlook | None = None) -> Decision:
    """What a resource says of a sight."""
    return resource.decide((sight or Sight()).observed(), outlook or Outlook())


def settled(decision: Decision) -> Settled:
    """It has nothing to do."""
    assert isinstance(decision, Settled), decision
    return decision


def change(decision: Decision) -> Change:
    """It has something to do."""
    assert isinstance(decision, Change), decision
    return decision


def fact(decision: Decision) -> str:
    """What it is blocked by, in one sentence; each such finding says what to do."""
    assert isinstance(decision, Blocked), decision
    assert all(finding.fix and finding.rule for finding in decision.findings), decision
    return "; ".join(finding.sentence() for finding in decision.findings)


def writes(decision: Decision) -> list[Guarded]:
    """The writes of a batch."""
    work = change(decision).work
    assert isinstance(work, Batch), work
    return list(work.writes)


def names(decision: Decision) -> list[str]:
    """The writes of a batch as words: the class, or the command with its verb."""
    found = []
    for each in writes(decision):
        argv = getattr(each.write, "argv", ())
        found.append(" ".join(argv[:2]) if argv else type(each.write).__name__)
    return found


OK = CallOutcome(CallState.DONE, Exited(0))
WRITTEN = CallOutcome(CallState.DONE, Done())
STOPPED = CallOutcome(CallState.STOPPED, found="Equals does not hold of /x")
LOST = CallOutcome(CallState.FAILED, Failure(FailureKind.UNREACHABLE, "the connection ended first"))


def exited(status: int, text: str) -> CallOutcome:
    """A command that failed."""
    return CallOutcome(CallState.FAILED, Exited(status, stderr=text.encode()))


@dataclass
class Driven:
    """A flow run by hand: `reads` and `programs` answer it, time passes as it sleeps."""

    reads: Callable[[Any], Any]
    programs: Callable[[tuple[Guarded, ...]], tuple[CallOutcome, ...]]
    asked: list[tuple[Guarded, ...]] = field(default_factory=list)
    time: float = 0.0
    requests: int = 0

    def run(self, flow: Flow[Done | Failure]) -> Done | Failure:
        """Drive it to its end, which it must reach within many requests."""
        answer: Any = None
        try:
            while True:
                request = flow.send(answer)
                self.requests += 1
                assert self.requests < 5000, "it goes on for ever"
                answer = self._answer(request)
        except StopIteration as stop:
            result: Done | Failure = stop.value
            return result

    def _answer(self, request: Any) -> Any:
        match request:
            case Sleep(seconds):
                self.time += seconds
                return Done()
            case Now():
                return Instant(self.time)
            case (Guarded(), *_):
                self.asked.append(request)
                return self.programs(request)
            case _:
                return self.reads(request)

    def commands(self) -> list[str]:
        """The calls of all programs, in order, as words."""
        return [
            " ".join(getattr(each.write, "argv", (type(each.write).__name__,)))
            for asked in self.asked
            for each in asked
        ]


def without(found: tuple[pci.Function, ...], **fields: Any) -> tuple[pci.Function, ...]:
    """The same functions, with other fields on the GPU itself."""
    return tuple(replace(each, **fields) if each.address == GPU else each for each in found)
