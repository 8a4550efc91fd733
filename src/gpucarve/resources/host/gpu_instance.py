"""One GPU instance at its exact placement, with the compute instance that fills it where the host makes that one.

`nvidia-smi mig -cgi` takes a profile's number and, after a colon, the first memory slice; so the order of making does
not matter and a layout comes out as it was decided. `-C` makes the compute instance along; one that is missing (the
driver made the first and not the second) is made alone. What others made in the same place can be adopted, is never
destroyed, and blocks what overlaps it. How one goes is `gpu_instance_removal`'s.

Boundary: decides on `facts.mig`; which instances are ours is `instances`'. Source: `nvidia-smi mig -h` (profile
tuples of `-cgi`, ids of `-dgi` and `-dci`), NVIDIA MIG user guide (compute instances go first).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gpucarve.calls.primitives import Claim, Disown, Run
from gpucarve.calls.programs import Guarded
from gpucarve.facts import driver, mig, ours
from gpucarve.facts.observed import Observed
from gpucarve.model.changes import Action, Assumption, Compensate
from gpucarve.model.findings import Finding, Verdict
from gpucarve.model.hosts import ResourceKey
from gpucarve.model.mig import MigProfileName, Placement
from gpucarve.model.pci import PciAddress
from gpucarve.resources.decisions import Batch, Blocked, Change, Decision, Outlook, Settled
from gpucarve.resources.host import boot_lines, instances
from gpucarve.resources.order import Stage

KIND = instances.KIND
FACT = "GPU instance"
_WIPING = ("mig-mode", "virtual-functions")  # the kinds whose change takes a GPU's instances along
_FIRST_WITH_PLACEMENTS = 470  # NVML's function for it is first documented for this branch
_RULE = "GPU instances of a GPU share no slice; what gpucarve did not make is left alone"


@dataclass(frozen=True, slots=True)
class GpuInstance:
    """A GPU instance of `profile`, which nvidia-smi numbers `profile_id`, at `placement`; with `compute` the host also
    makes the compute instance that fills it."""

    stage: ClassVar[Stage] = Stage.CREATE_GPU_INSTANCES

    key: ResourceKey
    gpu: PciAddress
    profile: MigProfileName
    profile_id: int
    placement: Placement
    compute: bool
    needs: tuple[ResourceKey, ...] = ()

    @property
    def _place(self) -> instances.Place:
        return instances.Place(self.gpu, self.profile, self.placement)

    @property
    def _assumes(self) -> tuple[Assumption, ...]:
        return (Assumption(FACT, self.key.subject, "with compute instance" if self.compute else "stands"),)

    @property
    def _line(self) -> str:
        how = "compute" if self.compute else "bare"
        return boot_lines.line(KIND, self.gpu, self.profile_id, self.placement.start, how)

    @property
    def _claim(self) -> Claim:
        return Claim(self.key.local, instances.record(self._place, self._line))

    def decide(self, observed: Observed, outlook: Outlook) -> Decision:
        """Settled when it stands, is filled where that is wanted, and is ours."""
        found = mig.at(observed, self.gpu)
        standing = next((each for each in found.instances if self._place.is_at(each)), None) if found else None
        if outlook.wiped_by(*_WIPING) or (outlook.waits and standing is None):
            return self._change(None)
        if blocked := self._obstacle(observed, found):
            return blocked
        if standing is None:
            return self._change(Batch(self._creation()))
        if self.compute and not standing.compute:
            where = ("-i", str(self.gpu), "-gi", str(standing.instance_id))
            fill = Run((mig.NVIDIA_SMI, "mig", *where, "-cci"))
            return self._change(Batch((Guarded(fill),)), before="without its compute instance")
        own = observed.require(ours.PROBE).claims.get(self.key.local, {})
        if own.get(boot_lines.FIELD, self._line) != self._line:
            renewed = (Guarded(Disown(self.key.local)), Guarded(self._claim))
            return self._change(Batch(renewed), before="stands, and a boot would make it otherwise")
        return Settled(f"{self.profile} at {self.placement}", self._assumes)

    def _obstacle(self, observed: Observed, found: mig.GpuMig | None) -> Blocked | None:
        if found is None or not (found.current and found.pending):
            how = "off" if found and found.supported else "not there"
            return _blocked(self.key, f"MIG mode of {self.gpu} is {how}", "find out what switched it, and apply again")
        version = observed.require(driver.PROBE).version
        if version and int(version.partition(".")[0]) < _FIRST_WITH_PLACEMENTS:
            fact = f"NVIDIA's driver is {version}, placements can be chosen from {_FIRST_WITH_PLACEMENTS} on"
            return _blocked(self.key, fact, "install a newer driver")
        own = instances.ours_on(observed.require(ours.PROBE), self.gpu)
        for each in found.at(self.placement):
            mine = any(place.is_at(each) for place in own)
            if mine and self._place.is_at(each):
                return self._parts(each)
            if not self._place.is_at(each):
                adopted = any(place.is_at(each) and place.adopted for place in own)
                whose = "of ours" if mine and not adopted else "that gpucarve did not make"
                fact = f"{instances.name(each)} on {self.gpu}, {whose}, overlaps {self.profile} at {self.placement}"
                return _blocked(self.key, fact, "remove it, or ask for a layout that leaves it its place")
            fact = f"{instances.name(each)} stands on {self.gpu} already, and gpucarve did not make it"
            return _blocked(self.key, fact, "adopt it with `gpucarve adopt`, or remove it")
        return None

    def _parts(self, standing: mig.GpuInstance) -> Blocked | None:
        parts = [str(each.profile) for each in standing.compute if each.profile.compute]
        if not self.compute or not parts:
            return None
        fact = f"{instances.name(standing)} on {self.gpu} is cut into {', '.join(parts)} by somebody else"
        return _blocked(self.key, fact, "destroy these compute instances")

    def _creation(self) -> tuple[Guarded, ...]:
        wish = f"{self.profile_id}:{self.placement.start}"
        create = Run((mig.NVIDIA_SMI, "mig", "-i", str(self.gpu), "-cgi", wish, *(("-C",) if self.compute else ())))
        return Guarded(self._claim), Guarded(create)

    def _change(self, work: Batch | None, before: str = "none") -> Change:
        return Change(
            Action.CREATE,
            before=before,
            after=f"{self.profile} at {self.placement}" + (", with its compute instance" if self.compute else ""),
            reason="the document asks for it",
            work=work,
            undo=Compensate("no GPU instance there"),
            assumes=self._assumes,
        )


@dataclass(frozen=True, slots=True)
class AdoptedGpuInstance:
    """A GPU instance that somebody else made becomes ours: our own record alone is written."""

    stage: ClassVar[Stage] = Stage.CREATE_GPU_INSTANCES

    key: ResourceKey
    gpu: PciAddress
    profile: MigProfileName
    placement: Placement
    needs: tuple[ResourceKey, ...] = ()

    def decide(self, observed: Observed, outlook: Outlook) -> Decision:
        """Settled when it is claimed, or when there is nothing to adopt."""
        if instances.claimed(observed.require(ours.PROBE), self.key):
            return Settled("ours")
        place = instances.Place(self.gpu, self.profile, self.placement, adopted=True)
        found = next((each for each in instances.foreign_on(observed, self.gpu) if place.is_at(each)), None)
        if found is None:
            return Settled(f"no {self.profile} of others at {self.placement} of {self.gpu}")
        return Change(
            Action.ADOPT,
            before=f"{instances.name(found)}, not ours",
            after="ours",
            reason="adoption was asked for",
            work=Batch((Guarded(Claim(self.key.local, instances.record(place))),)),
        )


def _blocked(key: ResourceKey, fact: str, fix: str) -> Blocked:
    return Blocked((Finding(key.target, KIND, Verdict.DIFFERS, fact, _RULE, fix),))
