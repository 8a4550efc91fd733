"""Who would be disturbed: guests, processes, and vGPUs that nobody would make again.

Boundary: rules on one step and one snapshot. Known GPU clients are the planner's to stop and start; all others that
have a GPU open are named here.
"""

from __future__ import annotations

from collections.abc import Iterator

from gpucarve.facts import domains, mediated, ours, pci, users
from gpucarve.facts.observed import Observed, Unknown
from gpucarve.model.changes import Action, DisruptionKind
from gpucarve.model.findings import Finding, Verdict
from gpucarve.model.pci import PciAddress
from gpucarve.plan.plans import Purpose, Step
from gpucarve.resources.host import instances, mig_mode, slots, vfio_binding, virtual_functions

IN_USE = "in use"  # the check's name
_HARMLESS = (DisruptionKind.NONE, DisruptionKind.SERVICE)
_WHOLE_HOST = ("host", "pool")
_WHOLE_GPU = (mig_mode.KIND, virtual_functions.KIND, vfio_binding.KIND)


def findings(step: Step, purpose: Purpose, observed: Observed) -> Iterator[Finding]:
    """Everybody in reach of the step's disruption, and what a reboot would end for ever."""
    if step.disruption.kind not in _HARMLESS:
        yield from _vgpus_in_use(step, observed)
        yield from _gpus_in_use(step, observed)
    if step.action is Action.REBOOT:
        yield from _guests(step, observed)
        yield from _lost(purpose, observed)
    yield from _defined(step, observed)
    if step.action is Action.REMOVE and step.key.kind == instances.KIND:
        yield from _perhaps_in_instance(step, observed)


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


def _guests(step: Step, observed: Observed) -> Iterator[Finding]:
    """The guests that have no GPU, and end with the host all the same."""
    known = observed.require(users.PROBE)
    vgpus = observed.require(mediated.PROBE).devices.values()
    told = {user.guest for device in vgpus for user in device.users}
    told |= {user.guest for held in (*known.by_gpu.values(), *known.by_group.values()) for user in held}
    for name in observed.require(domains.PROBE).running:
        if name not in told:
            yield _in_use(step, observed, f"guest {name} runs")


def _defined(step: Step, observed: Observed) -> Iterator[Finding]:
    """Guests that are shut off and count on what the step takes: told, since they only fail to start some day."""
    known = observed.get(domains.PROBE)
    if isinstance(known, Unknown):
        return
    address = step.key.subject.partition("#")[0]
    if step.key.kind == slots.KIND and step.action is Action.REMOVE:
        seat = slots.claimed(observed.require(ours.PROBE), step.key)
        taken = f"vGPU {seat.uuid}" if seat else ""
        owners = [name for name, each in known.defined.items() if seat and seat.uuid in each.mdevs]
    elif step.key.kind in _WHOLE_GPU and not (step.key.kind == vfio_binding.KIND and step.action is Action.CREATE):
        taken, gpu = address, PciAddress.parse(address)
        owners = [name for name, each in known.defined.items() if gpu in each.functions]
    else:
        return
    for name in owners:
        rule = "libvirt would take the device, or miss it, when that guest starts"
        fix = "take the device out of its definition, or leave this GPU out of the document"
        fact = f"guest {name} is defined with {taken}"
        yield Finding(observed.target, "defined guests", Verdict.DIFFERS, fact, rule, fix, warning=True)


def _perhaps_in_instance(step: Step, observed: Observed) -> Iterator[Finding]:
    """Processes on a GPU of which an instance goes: in which one they run is not told, and the others may stay."""
    gpu = PciAddress.parse(step.key.subject.partition("#")[0])
    for user in observed.require(users.PROBE).on_gpu(gpu):
        if not user.unit:
            yield Finding(
                observed.target,
                "in use",
                Verdict.DIFFERS,
                f"{gpu} is used by {user}",
                "the driver keeps the GPU instance that it runs in, and does not tell which that is",
                "end it, unless it runs in an instance that stays",
                warning=True,
            )


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
    return Finding(observed.target, IN_USE, Verdict.DIFFERS, fact, rule, "end it, or move it away")
