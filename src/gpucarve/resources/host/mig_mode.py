"""A GPU's MIG mode, by nvidia-smi.

GPUs of one generation take the change in a reset, for which nothing may have the GPU open; newer ones change at once.
Enabled virtual functions keep the mode from changing (users' reports): ours are turned off first, once no vGPU stands
on them, and their own resource turns them on again.

Boundary: decides on `facts.mig`; how a mode is reached is `mig_switch`'s. Source: NVIDIA MIG user guide.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar

from gpucarve.calls.flows import Flow, do
from gpucarve.calls.primitives import Claim, Disown
from gpucarve.calls.programs import CallState, Guarded
from gpucarve.calls.replies import Done, Failure
from gpucarve.facts import mediated, mig, ours, pci
from gpucarve.facts.observed import Observed, Unreadable
from gpucarve.model.changes import Action, Assumption, Compensate, Disruption, DisruptionKind
from gpucarve.model.findings import Finding, Verdict
from gpucarve.model.hosts import ResourceKey, Target
from gpucarve.model.pci import PciAddress
from gpucarve.resources.decisions import Blocked, Change, Decision, FlowWork, Outlook, Settled
from gpucarve.resources.host import boot_lines, instances, mig_switch, virtual_functions
from gpucarve.resources.order import Stage

KIND = "mig-mode"
FACT = "MIG mode"
_NVIDIA = "nvidia"
_VFIO_BINDING = "vfio-binding"  # the kind of a GPU's binding for guests, under which NVIDIA's driver does not see it


def key(target: Target, gpu: PciAddress) -> ResourceKey:
    """The MIG mode of one GPU."""
    return ResourceKey(target, KIND, str(gpu))


@dataclass(frozen=True, slots=True)
class MigMode:
    """The GPU is in MIG mode, or is not; `takes_reset` says that a change resets the GPU, and is kept over a boot."""

    stage: ClassVar[Stage] = Stage.SET_MIG_MODE

    key: ResourceKey
    gpu: PciAddress
    enabled: bool
    takes_reset: bool
    needs: tuple[ResourceKey, ...] = ()

    def decide(self, observed: Observed, outlook: Outlook) -> Decision:
        """Settled when the mode is in force, nothing is pending and it stays so."""
        found = mig.at(observed, self.gpu)
        stays = self.takes_reset or not self.enabled or not outlook.reboot
        if found and stays and found.current is found.pending is self.enabled:
            return Settled(f"MIG mode {mig_switch.word(self.enabled)}", self._assumes)
        if found and not found.supported and not self.enabled:
            return Settled("the GPU has no MIG", self._assumes)
        bound = pci.at(observed, self.gpu).driver
        if found is None and not self.enabled and bound != _NVIDIA:
            return Settled(f"{bound or 'no driver'} has the GPU, and NVIDIA's driver no mode to leave")
        if outlook.waits:
            return self._change(found, None, lost=not stays)
        if blocked := _obstacle(self.key, observed, self.gpu, found, self.enabled):
            return blocked
        claimed = observed.require(ours.PROBE).claims.get(self.key.local)
        if claimed is not None and claimed.get("before") is self.enabled:
            return self._change(found, lambda: _go_back(self.key, self.gpu, self.enabled, self.takes_reset))
        claim = Claim(self.key.local, json.dumps(self._record))
        return self._change(found, lambda: _change(self.key, claim, self.gpu, self.enabled, self.takes_reset))

    @property
    def _record(self) -> dict[str, object]:
        """What the claim says. A boot need not turn the mode off: boards that keep it kept that, others begin so."""
        record = {"kind": KIND, "gpu": str(self.gpu), "before": not self.enabled, "takes_reset": self.takes_reset}
        return record | ({boot_lines.FIELD: boot_lines.line(KIND, self.gpu, "on")} if self.enabled else {})

    @property
    def _assumes(self) -> tuple[Assumption, ...]:
        return (Assumption(FACT, str(self.gpu), mig_switch.word(self.enabled)),)

    def _change(self, found: mig.GpuMig | None, work: FlowWork | None, *, lost: bool = False) -> Change:
        """`lost` says that the mode as it is now does not outlast the boot that comes first."""
        return Change(
            Action.CHANGE,
            before="MIG mode off, as every boot leaves it" if lost else _state(found),
            after=f"MIG mode {mig_switch.word(self.enabled)}",
            reason="GPU instances need it" if self.enabled else "what the GPU is to carry excludes it",
            work=work,
            undo=Compensate(f"MIG mode {mig_switch.word(not self.enabled)}"),
            disruption=Disruption(DisruptionKind.GPU_RESET, str(self.gpu)),
            assumes=self._assumes,
            quiet=True,
        )


@dataclass(frozen=True, slots=True)
class MigModeAsBefore:
    """The mode that the GPU had before our claim, for `reason`."""

    stage: ClassVar[Stage] = Stage.LEAVE_MIG_MODE

    key: ResourceKey
    gpu: PciAddress
    reason: str
    needs: tuple[ResourceKey, ...] = ()

    def decide(self, observed: Observed, outlook: Outlook) -> Decision:
        """Settled when the claim is gone; blocked while instances stand that others made."""
        claimed = observed.require(ours.PROBE).claims.get(self.key.local)
        if claimed is None:
            return Settled("as before")
        before, takes_reset = claimed.get("before"), claimed.get("takes_reset")
        if not isinstance(before, bool) or not isinstance(takes_reset, bool):
            raise Unreadable(f"the claim {self.key.local} is damaged: it does not say the mode before")
        found = mig.at(observed, self.gpu)
        waits = bool(outlook.unsettled)
        given_away = found is None and any(key.kind == _VFIO_BINDING for key in outlook.unsettled)
        as_before = not (given_away and before) and (found is None or found.current is found.pending is before)
        if not as_before and not waits and (blocked := _obstacle(self.key, observed, self.gpu, found, before)):
            return blocked
        return Change(
            Action.RELEASE if as_before else Action.CHANGE,
            before=_state(found),
            after=f"MIG mode {mig_switch.word(before)}, as before",
            reason=self.reason,
            work=None
            if waits
            else lambda: _go_back(self.key, self.gpu, None if found is None else before, takes_reset),
            disruption=Disruption(DisruptionKind.NONE if as_before else DisruptionKind.GPU_RESET, str(self.gpu)),
            quiet=not as_before,
        )


def _obstacle(
    key: ResourceKey, observed: Observed, gpu: PciAddress, found: mig.GpuMig | None, enabled: bool
) -> Blocked | None:
    function = pci.at(observed, gpu)
    if found is None:
        fact = f"nvidia-smi does not list {gpu}, which is bound to {function.driver or 'no driver'}"
        return _blocked(key, fact, "install NVIDIA's driver with nvidia-smi, and bind the GPU to it")
    if not found.supported:
        fix = "ask for another cut; boards with display modes have MIG in compute mode alone, see DisplayModeSelector"
        return _blocked(key, f"NVIDIA's driver says that {gpu} has no MIG", fix)
    if found.current is not enabled and found.instances:
        foreign = instances.made_by_others(observed, gpu)
        whose = "GPU instances that gpucarve did not make" if foreign else "GPU instances"
        names = ", ".join(
            f"{each.instance_id} ({each.profile} at {each.placement})" for each in foreign or found.instances
        )
        fix = "destroy them first, or leave this GPU out of the document"
        return _blocked(key, f"{whose} stand on {gpu}: {names}", fix)
    if function.enabled_vfs:
        if virtual_functions.key(key.target, gpu).local not in observed.require(ours.PROBE).claims:
            fact = f"{gpu} has {function.enabled_vfs} virtual functions that gpucarve did not enable"
            return _blocked(key, fact, f"stop what uses them, then run sriov-manage -d {gpu}")
        if kept := virtual_functions.kept_on_by(observed, function):
            return _blocked(key, *kept)
        devices = observed.require(mediated.PROBE).devices.values()
        if left := [each.uuid for each in devices if each.parent in function.virtual_functions]:
            return _blocked(key, f"vGPUs stand on {gpu}: {', '.join(left)}", "remove them first")
    return None


def _change(key: ResourceKey, claim: Claim, gpu: PciAddress, enabled: bool, takes_reset: bool) -> Flow[Done | Failure]:
    claimed = yield from do(Guarded(claim))
    if claimed.state is not CallState.DONE:
        return claimed.failure()
    return (yield from mig_switch.reach(key.target, gpu, enabled, takes_reset))


def _go_back(key: ResourceKey, gpu: PciAddress, enabled: bool | None, takes_reset: bool) -> Flow[Done | Failure]:
    """The mode first, then the claim; None for a GPU that the driver does not hold, where there is no mode to set."""
    if enabled is not None:
        reached = yield from mig_switch.reach(key.target, gpu, enabled, takes_reset)
        if isinstance(reached, Failure):
            return reached
    outcome = yield from do(Guarded(Disown(key.local)))
    return Done() if outcome.state is CallState.DONE else outcome.failure()


def _state(found: mig.GpuMig | None) -> str:
    if found is None or not found.supported:
        return "no MIG mode to be seen"
    now, then = mig_switch.word(bool(found.current)), mig_switch.word(bool(found.pending))
    return f"MIG mode {now}" if now == then else f"MIG mode {now}, {then} after a reset"


def _blocked(key: ResourceKey, fact: str, fix: str) -> Blocked:
    rule = "a GPU's MIG mode is the whole GPU's: what others put on it, and what uses it, is not touched"
    return Blocked((Finding(key.target, KIND, Verdict.DIFFERS, fact, rule, fix),))
