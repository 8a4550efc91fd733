"""What would go wrong if the draft were carried out now.

Each rule is a function of a draft and the snapshots; the engine asks them again before each stage.

Boundary: pure. What a resource alone can see is in its own decision; here stands what concerns several.
"""

from __future__ import annotations

from collections.abc import Mapping

from gpucarve.facts import driver, mediated, pci
from gpucarve.facts.observed import Observed, Unknown
from gpucarve.model.changes import Action, DisruptionKind
from gpucarve.model.findings import Finding, Verdict
from gpucarve.model.hosts import Target
from gpucarve.plan.making import Draft
from gpucarve.plan.plans import Step
from gpucarve.resources.host import vgpu


def preflight(draft: Draft, observed: Mapping[Target, Observed]) -> tuple[Finding, ...]:
    """Every reason not to begin: what resources are blocked by, and what the rules find."""
    found = list(draft.blocked)
    for step in draft.plan.steps:
        snapshot = observed.get(step.key.target)
        if snapshot is not None:
            found.extend(_in_use(step, snapshot))
            found.extend(_mdevctl(step, snapshot))
    return tuple(dict.fromkeys(found))


def _in_use(step: Step, observed: Observed) -> list[Finding]:
    """A step that disturbs a GPU or the host is refused while a guest uses a vGPU in its reach."""
    if step.disruption.kind in (DisruptionKind.NONE, DisruptionKind.SERVICE):
        return []
    devices = observed.get(mediated.PROBE)
    functions = observed.get(pci.PROBE)
    if isinstance(devices, Unknown) or isinstance(functions, Unknown):
        return []  # the resource itself is blocked on the unknown fact
    found = []
    for device in devices.devices.values():
        parent = functions.by_address.get(device.parent)
        gpu = str(parent.physical_function or parent.address) if parent else ""
        if device.users and step.disruption.scope in ("host", "pool", gpu):
            fact = f"vGPU {device.uuid} on {gpu} is used by {device.users[0]}"
            rule = f"{step.action.value} of {step.key.kind} means {step.disruption}"
            found.append(
                Finding(step.key.target, "in use", Verdict.DIFFERS, fact, rule, "shut that guest down, or move it away")
            )
    return found


def _mdevctl(step: Step, observed: Observed) -> list[Finding]:
    """vGPUs are defined and started by mdevctl, so it has to be there before the first change is made."""
    tools = observed.get(driver.PROBE)
    if step.key.kind != vgpu.KIND or step.action is not Action.CREATE or isinstance(tools, Unknown) or tools.mdevctl:
        return []
    fix = "install the package mdevctl"
    return [Finding(step.key.target, "mdevctl", Verdict.DIFFERS, "mdevctl is missing", "it makes the vGPUs", fix)]
