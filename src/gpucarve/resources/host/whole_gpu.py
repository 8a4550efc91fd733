"""A GPU that the host's containers use whole: NVIDIA's driver has it, and no vGPU stands on it.

Nothing is changed here: what takes a GPU away from its driver has a resource of its own, by which it comes back.

Boundary: decides on `facts.pci`, `facts.driver` and `facts.mediated`; its MIG mode is `mig_mode`'s, and no driver is
installed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gpucarve.facts import driver, mediated, pci
from gpucarve.facts.observed import Observed
from gpucarve.model.changes import Action, NothingToUndo
from gpucarve.model.findings import Finding, Verdict
from gpucarve.model.hosts import ResourceKey, Target
from gpucarve.model.pci import PciAddress
from gpucarve.resources.decisions import Blocked, Change, Decision, Outlook, Settled
from gpucarve.resources.host import slots
from gpucarve.resources.order import Stage

KIND = "whole-gpu"
_NVIDIA = "nvidia"


def key(target: Target, gpu: PciAddress) -> ResourceKey:
    """One GPU as it is."""
    return ResourceKey(target, KIND, str(gpu))


@dataclass(frozen=True, slots=True)
class WholeGpu:
    """NVIDIA's driver has the GPU, for whoever comes first."""

    stage: ClassVar[Stage] = Stage.CREATE_VGPUS

    key: ResourceKey
    gpu: PciAddress
    needs: tuple[ResourceKey, ...] = ()

    def decide(self, observed: Observed, outlook: Outlook) -> Decision:
        """Settled when it is so; predicted while what it needs does not stand; else blocked."""
        bound, tools = pci.at(observed, self.gpu).driver, observed.require(driver.PROBE)
        if not tools.version and not tools.nvidia_smi:
            return _blocked(self.key, "NVIDIA's driver is not installed", "install it, of a release for this GPU")
        left = None if outlook.waits else self._left(observed)
        if left:
            fact = f"vGPU {left.uuid}, which gpucarve did not make, stands on {self.gpu}"
            return _blocked(self.key, fact, "remove it with mdevctl once no guest uses it, or cut the GPU by `vgpu`")
        if bound == _NVIDIA:
            return Settled("NVIDIA's driver has it")
        if outlook.waits:
            return Change(
                Action.CHANGE,
                before=bound or "no driver",
                after="NVIDIA's driver",
                reason="containers get it whole",
                undo=NothingToUndo(),
            )
        fix = f"find out why it is not {_NVIDIA}: `lspci -k -s {self.gpu}` and the kernel's log tell"
        return _blocked(self.key, f"{self.gpu} is bound to {bound or 'no driver'}", fix)

    def _left(self, observed: Observed) -> mediated.Mdev | None:
        on = (self.gpu, *pci.at(observed, self.gpu).virtual_functions)
        return next((each for each in slots.made_by_others(observed) if each.parent in on), None)


def _blocked(key: ResourceKey, fact: str, fix: str) -> Blocked:
    rule = "containers use a GPU through NVIDIA's driver, with all of it"
    return Blocked((Finding(key.target, KIND, Verdict.DIFFERS, fact, rule, fix),))
