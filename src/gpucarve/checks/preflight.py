"""What would go wrong if the draft were carried out now.

Each rule is a function of a draft and the snapshots; the engine asks them again before each stage.

Boundary: pure. What a resource alone can see is in its own decision; here stands what concerns several.
"""

from __future__ import annotations

from collections.abc import Mapping

from gpucarve.facts import driver, mediated, ours, pci
from gpucarve.facts.observed import Observed, Unreadable
from gpucarve.model.changes import Action, DisruptionKind
from gpucarve.model.findings import Finding, Verdict
from gpucarve.model.hosts import Target
from gpucarve.plan.making import Draft
from gpucarve.plan.plans import Purpose, Step
from gpucarve.resources.host import slots, vgpu


def preflight(draft: Draft, observed: Mapping[Target, Observed]) -> tuple[Finding, ...]:
    """Every reason not to begin: what resources are blocked by, and what the rules find."""
    found = list(draft.blocked)
    for step in draft.plan.steps:
        snapshot = observed.get(step.key.target)
        if snapshot is not None:
            found.extend(_of_step(step, draft.plan.purpose, snapshot))
    return tuple(dict.fromkeys(found))


def _of_step(step: Step, purpose: Purpose, observed: Observed) -> list[Finding]:
    try:
        return [*_in_use(step, observed), *_lost(step, purpose, observed), *_mdevctl(step, observed)]
    except Unreadable as error:
        rule = f"{step.action.value} of {step.key.kind} is not begun on the ground of a fact that could not be read"
        return [Finding(step.key.target, step.key.kind, Verdict.UNKNOWN, str(error), rule)]


def _in_use(step: Step, observed: Observed) -> list[Finding]:
    """A step that disturbs a GPU or the host is refused while a guest uses a vGPU in its reach."""
    if step.disruption.kind in (DisruptionKind.NONE, DisruptionKind.SERVICE):
        return []
    devices, functions = observed.require(mediated.PROBE), observed.require(pci.PROBE)
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


def _lost(step: Step, purpose: Purpose, observed: Observed) -> list[Finding]:
    """A reboot ends every vGPU: it is refused while there is one that nobody would make again."""
    if step.action is not Action.REBOOT:
        return []
    claims = observed.require(ours.PROBE)
    made_again = set() if purpose is Purpose.ROLLBACK else {each.uuid for each in slots.seats(claims)}
    rule = "a reboot ends it, and gpucarve did not make it"
    return [
        Finding(
            step.key.target,
            "others' vGPUs",
            Verdict.DIFFERS,
            f"vGPU {device.uuid} on {device.parent} would be lost",
            rule,
            "stop it, or move it to another host, first",
        )
        for device in slots.made_by_others(observed)
        if device.uuid not in made_again
    ]


def _mdevctl(step: Step, observed: Observed) -> list[Finding]:
    """vGPUs are defined and started by mdevctl, so it has to be there before the first change is made."""
    if step.key.kind != vgpu.KIND or step.action is not Action.CREATE or observed.require(driver.PROBE).mdevctl:
        return []
    fix = "install the package mdevctl"
    return [Finding(step.key.target, "mdevctl", Verdict.DIFFERS, "mdevctl is missing", "it makes the vGPUs", fix)]
