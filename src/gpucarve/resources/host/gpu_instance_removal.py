"""A GPU instance of ours taken away, with its compute instances, unless a guest runs in it.

Which instance a vGPU stands in is the driver's choice, which it tells of running guests alone. So an instance that the
driver keeps in use although no guest is known in it may carry an idle vGPU that stays: those of its profile are stopped
for a moment, and the driver finds them another instance when they start again.

Boundary: decides on `facts.mig`, `facts.mediated` and the claim; a flow, since ids are those of the moment. Source:
NVIDIA MIG user guide (compute instances go first; `In use by another client`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from gpucarve import catalog
from gpucarve.calls.flows import Flow, ask_all, do, do_all
from gpucarve.calls.predicates import Absent
from gpucarve.calls.primitives import Disown, Run
from gpucarve.calls.programs import CallOutcome, CallState, Guarded
from gpucarve.calls.replies import Done, Failure, FailureKind
from gpucarve.facts import active_vgpus, mediated, mig, ours, pci
from gpucarve.facts.observed import Observed, Unknown, observe
from gpucarve.model.changes import Action
from gpucarve.model.findings import Finding, Verdict
from gpucarve.model.hosts import ResourceKey
from gpucarve.model.mig import MigProfileName
from gpucarve.model.pci import PciAddress
from gpucarve.resources.decisions import Batch, Blocked, Change, Decision, Outlook, Settled
from gpucarve.resources.host import instances, slots
from gpucarve.resources.order import Stage

KIND = instances.KIND
_BUSY = "In use by another client"
_RULE = "a GPU instance is taken away only while nobody uses it, and only where we made it"


@dataclass(frozen=True, slots=True)
class NoGpuInstance:
    """Nothing of ours at this placement, for `reason`; what was adopted stays and is merely let go of."""

    stage: ClassVar[Stage] = Stage.REMOVE_GPU_INSTANCES

    key: ResourceKey
    gpu: PciAddress
    reason: str
    needs: tuple[ResourceKey, ...] = ()

    def decide(self, observed: Observed, outlook: Outlook) -> Decision:
        """Settled when the claim is gone; blocked while guests, or vGPUs of others, surely stand in it."""
        place = instances.claimed(observed.require(ours.PROBE), self.key)
        if place is None:
            return Settled("none of ours")
        let_go = Batch((Guarded(Disown(self.key.local)),))
        if place.adopted:
            stays = "stays as it is, and is not ours any more"
            return Change(Action.RELEASE, f"{place.profile}, adopted", stays, self.reason, let_go)
        found = mig.at(observed, self.gpu)
        standing = next((each for each in found.instances if place.is_at(each)), None) if found else None
        if standing is None:
            return Change(Action.RELEASE, f"{place.profile}, gone by itself", "none", self.reason, let_go)
        if guests := _guests_in(observed, self.gpu, standing):
            return _blocked(self.key, self._carries(standing, guests), "shut that guest down")
        waits = bool(outlook.unsettled)
        if not waits and (left := _in_all(observed, self.gpu, place.profile)):
            return _blocked(self.key, self._carries(standing, left), "shut its guest down, and remove the vGPU")
        idle = _idle(observed, self.gpu, place.profile, outlook.unsettled)
        return Change(
            Action.REMOVE,
            before=instances.name(standing),
            after="none" + (f"; idle vGPUs of {place.profile} may be started anew" if idle else ""),
            reason=self.reason,
            work=None if waits else lambda: _destroy(self.key, place, idle),
        )

    def _carries(self, standing: mig.GpuInstance, vgpus: tuple[str, ...]) -> str:
        return f"{instances.name(standing)} on {self.gpu} carries a vGPU: {', '.join(vgpus)}"


def _destroy(key: ResourceKey, place: instances.Place, idle: tuple[slots.Seat, ...]) -> Flow[Done | Failure]:
    """The instance, and then the claim; `idle` vGPUs give way where the driver finds it in use."""
    standing = yield from _look(key, place)
    if isinstance(standing, Failure):
        return standing
    if standing is not None:
        failure = yield from _remove(place, standing)
        if failure is not None and failure.kind is FailureKind.BUSY and idle:
            failure = yield from _remove_without(key, place, idle)
        if failure is not None:
            return failure
        left = yield from _look(key, place)
        if isinstance(left, Failure):
            return left
        if left is not None:
            said = f"nvidia-smi destroyed {instances.name(standing)} of {place.gpu}, and it stands"
            return Failure(FailureKind.OTHER, said)
    outcome = yield from do(Guarded(Disown(key.local)))
    return Done() if outcome.state is CallState.DONE else outcome.failure()


def _remove(place: instances.Place, standing: mig.GpuInstance) -> Flow[Failure | None]:
    """Compute instances, then the GPU instance, by the ids of this moment."""
    where = ("-i", str(place.gpu), "-gi", str(standing.instance_id))
    empty = [
        Guarded(Run((mig.NVIDIA_SMI, "mig", *where, "-ci", str(each.instance_id), "-dci"))) for each in standing.compute
    ]
    outcomes = yield from do_all((*empty, Guarded(Run((mig.NVIDIA_SMI, "mig", *where, "-dgi")))))
    bad = next((each for each in outcomes if each.state is not CallState.DONE), None)
    return None if bad is None else _why(bad)


def _remove_without(key: ResourceKey, place: instances.Place, idle: tuple[slots.Seat, ...]) -> Flow[Failure | None]:
    """Once more while those of `idle` that nobody uses by now are stopped; they start again whatever comes of it."""
    seen = observe(key.target, (mediated.PROBE,), (yield from ask_all(mediated.PROBE.reads))).get(mediated.PROBE)
    if isinstance(seen, Unknown):
        return Failure(FailureKind.UNREACHABLE, f"who uses the vGPUs of {place.gpu} cannot be read: {seen.why}")
    free = [each for each in idle if each.uuid in seen.devices and not seen.devices[each.uuid].users]
    gone = [(Absent(mediated.device_path(each.uuid)),) for each in free]
    stops = [Run(("mdevctl", "stop", "--uuid", each.uuid)) for each in free]
    yield from do_all(tuple(Guarded(stop, wanted=absent) for stop, absent in zip(stops, gone, strict=True)))
    standing = yield from _look(key, place)
    failure = standing if isinstance(standing, Failure) else None
    if isinstance(standing, mig.GpuInstance):
        failure = yield from _remove(place, standing)
    starts = [Run(("mdevctl", "start", "--uuid", each.uuid, "--parent", str(each.virtual_function))) for each in free]
    started = yield from do_all(
        tuple(Guarded(start, before=absent) for start, absent in zip(starts, gone, strict=True))
    )
    bad = next((each for each in started if each.state is CallState.FAILED), None)
    return failure if failure is not None or bad is None else bad.failure()


def _look(key: ResourceKey, place: instances.Place) -> Flow[mig.GpuInstance | Failure | None]:
    replies = yield from ask_all(mig.PROBE.reads)
    seen = observe(key.target, (mig.PROBE,), replies).get(mig.PROBE)
    if isinstance(seen, Unknown):
        return Failure(FailureKind.UNREACHABLE, f"the GPU instances of {place.gpu} cannot be read: {seen.why}")
    gpu = seen.by_gpu.get(place.gpu)
    return next((each for each in gpu.instances if place.is_at(each)), None) if gpu else None


def _guests_in(observed: Observed, gpu: PciAddress, instance: mig.GpuInstance) -> tuple[str, ...]:
    """The vGPUs that guests run with in this instance, where the driver tells."""
    told, devices = observed.get(active_vgpus.PROBE), observed.require(mediated.PROBE)
    if isinstance(told, Unknown):
        return ()
    standing = (each for parent in pci.at(observed, gpu).virtual_functions for each in devices.on(parent))
    return tuple(
        f"{each.uuid} ({each.users[0]})"
        for each in standing
        if each.users and told.by_uuid.get(each.uuid) == instance.instance_id
    )


def _in_all(observed: Observed, gpu: PciAddress, profile: MigProfileName) -> tuple[str, ...]:
    """The vGPUs of types that stand in this profile, when they are as many as its instances."""
    found = mig.at(observed, gpu)
    alike = sum(1 for each in found.instances if each.profile == profile) if found else 0
    running = tuple(_of_profile(observed, gpu, profile))
    names = tuple(f"{each.uuid} ({each.users[0]})" if each.users else each.uuid for each in running)
    return names if len(names) >= alike else ()


def _idle(
    observed: Observed, gpu: PciAddress, profile: MigProfileName, leaving: Collection[ResourceKey]
) -> tuple[slots.Seat, ...]:
    """Our own vGPUs of this profile that stay and that nobody uses."""
    going = {seat for key in leaving if (seat := slots.claimed(observed.require(ours.PROBE), key))}
    mine = {each.uuid: each for each in slots.seats(observed.require(ours.PROBE)) if each not in going}
    running = _of_profile(observed, gpu, profile)
    return tuple(
        mine[each.uuid] for each in running if each.uuid in mine and not mine[each.uuid].adopted and not each.users
    )


def _of_profile(observed: Observed, gpu: PciAddress, profile: MigProfileName) -> Iterator[mediated.Mdev]:
    devices = observed.require(mediated.PROBE)
    for parent in pci.at(observed, gpu).virtual_functions:
        names = {each.type_id: name for name, each in devices.types.get(parent, {}).items()}
        for device in devices.on(parent):
            known = catalog.load().vgpu_type(names.get(device.type_id, ""))
            if known and known.gi_profile == str(profile):
                yield device


def _why(outcome: CallOutcome) -> Failure:
    failure = outcome.failure()
    return replace(failure, kind=FailureKind.BUSY) if _BUSY in failure.detail else failure


def _blocked(key: ResourceKey, fact: str, fix: str) -> Blocked:
    return Blocked((Finding(key.target, KIND, Verdict.DIFFERS, fact, _RULE, fix),))
