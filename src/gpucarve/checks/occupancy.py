"""Who would be disturbed: guests, processes, and vGPUs that nobody would make again.

Boundary: rules on one step and one snapshot. Known GPU clients are the planner's to stop and start; all others that
have a GPU open are named here.
"""

from __future__ import annotations

from collections.abc import Iterator

from gpucarve.facts import mediated, ours, pci, users
from gpucarve.facts.observed import Observed
from gpucarve.model.changes import Action, DisruptionKind
from gpucarve.model.findings import Finding, Verdict
from gpucarve.plan.plans import Purpose, Step
from gpucarve.resources.host import slots

_HARMLESS = (DisruptionKind.NONE, DisruptionKind.SERVICE)
_WHOLE_HOST = ("host", "pool")


def findings(step: Step, purpose: Purpose, observed: Observed) -> Iterator[Finding]:
    """Everybody in reach of the step's disruption, and what a reboot would end for ever."""
    if step.disruption.kind not in _HARMLESS:
        yield from _vgpus_in_use(step, observed)
        yield from _gpus_in_use(step, observed)
    if step.action is Action.REBOOT:
        yield from _lost(purpose, observed)


def _vgpus_in_use(step: Step, observed: Observed) -> Iterator[Finding]:
    devices, functions = observed.require(mediated.PROBE), observed.require(pci.PROBE)
    for device in devices.devices.values():
        parent = functions.by_address.get(device.parent)
        gpu = str(parent.physical_function or parent.address) if parent else ""
        if device.users and step.disruption.scope in (*_WHOLE_HOST, gpu):
            yield _in_use(step, observed, f"vGPU {device.uuid} on {gpu} is used by {device.users[0]}")


def _gpus_in_use(step: Step, observed: Observed) -> Iterator[Finding]:
    """GPUs and passthrough devices that somebody has open; a reboot stops services as it should, so these may run."""
    holders = observed.require(users.PROBE)
    for gpu in observed.require(pci.PROBE).gpus:
        if step.disruption.scope not in (*_WHOLE_HOST, str(gpu.address)):
            continue
        group = holders.on_group(gpu.iommu_group) if gpu.iommu_group is not None else ()
        for user in (*holders.on_gpu(gpu.address), *group):
            if not user.unit:
                yield _in_use(step, observed, f"{gpu.address} is used by {user}")


def _lost(purpose: Purpose, observed: Observed) -> Iterator[Finding]:
    """A reboot ends every vGPU: it is refused while there is one that nobody would make again."""
    claims = observed.require(ours.PROBE)
    made_again = set() if purpose is Purpose.ROLLBACK else {each.uuid for each in slots.seats(claims)}
    for device in slots.made_by_others(observed):
        if device.uuid not in made_again:
            yield Finding(
                observed.target,
                "others' vGPUs",
                Verdict.DIFFERS,
                f"vGPU {device.uuid} on {device.parent} would be lost",
                "a reboot ends it, and gpucarve did not make it",
                "stop it, or move it to another host, first",
            )


def _in_use(step: Step, observed: Observed, fact: str) -> Finding:
    what = "the reboot" if step.action is Action.REBOOT else f"{step.action.value} of {step.key.kind}"
    rule = f"{what} disturbs it: {step.disruption}"
    return Finding(observed.target, "in use", Verdict.DIFFERS, fact, rule, "end it, or move it away")
