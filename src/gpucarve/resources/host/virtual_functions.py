"""A GPU's SR-IOV virtual functions, by NVIDIA's sriov-manage.

The tool unbinds the driver, so it runs only on a GPU without virtual functions, or without vGPUs when they are turned
off. It may fail on the driver's unbind lock, which others hold for moments, and it may succeed without having made
anything: retries are bounded, and only what sysfs then shows counts.

Boundary: decides on `facts.pci`; a flow. Sources: facts on sriov-manage in NVIDIA's vGPU guide; the lock's message as
the tool prints it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from gpucarve.calls.flows import Flow, ask, ask_all, do, until
from gpucarve.calls.predicates import Equals
from gpucarve.calls.primitives import Claim, Disown, ReadFiles, ReadLinks, Run, Sleep
from gpucarve.calls.programs import CallOutcome, CallState, Guarded
from gpucarve.calls.replies import Done, Exited, Failure, FailureKind, Files, Links
from gpucarve.facts import driver, ours, pci
from gpucarve.facts.observed import Observed
from gpucarve.model.changes import Action, Assumption, Compensate, Disruption, DisruptionKind
from gpucarve.model.findings import Finding, Verdict
from gpucarve.model.hosts import ResourceKey, Target
from gpucarve.model.pci import PciAddress
from gpucarve.resources.decisions import Blocked, Change, Decision, Outlook, Settled
from gpucarve.resources.host import boot_lines, instances, slots
from gpucarve.resources.order import Stage

KIND = "virtual-functions"
FACT = "virtual functions"
# The kinds of resources before whose change a GPU shows other functions, or another driver, than after it: the one
# resets it, the other gives it back.
_BEFORE = ("mig-mode", "vfio-binding")
LOCK_MESSAGE = "Cannot obtain unbindLock"
_ATTEMPTS = 5
_PAUSE = 4.0  # seconds between attempts, times the attempt
_SETTLE = 30.0  # seconds for the kernel to show what the tool did


def key(target: Target, gpu: PciAddress) -> ResourceKey:
    """The virtual functions of one GPU."""
    return ResourceKey(target, KIND, str(gpu))


@dataclass(frozen=True, slots=True)
class VirtualFunctions:
    """The GPU has at least `at_least` virtual functions; turning them on makes all that it can have."""

    stage: ClassVar[Stage] = Stage.ENABLE_VIRTUAL_FUNCTIONS

    key: ResourceKey
    gpu: PciAddress
    at_least: int
    needs: tuple[ResourceKey, ...] = ()

    def decide(self, observed: Observed, outlook: Outlook) -> Decision:
        """Settled when enough are there and stay there."""
        function = pci.at(observed, self.gpu)
        wiped = outlook.wiped_by(*_BEFORE)
        if not wiped and function.enabled_vfs >= self.at_least == min(self.at_least, len(function.virtual_functions)):
            knows = (Assumption(FACT, str(self.gpu), str(function.enabled_vfs)),)
            return Settled(_counted(function.enabled_vfs), knows)
        if blocked := self._obstacle(observed, function, wiped):
            return blocked
        return Change(
            Action.CREATE,
            before=_counted(0 if wiped else function.enabled_vfs),
            after=_counted(function.total_vfs),
            reason="each vGPU takes one virtual function on this architecture",
            work=None if outlook.waits else lambda: _enable(self.key, self.gpu, function.total_vfs),
            preconditions=(_none(self.gpu),),
            undo=Compensate(_counted(0)),
            disruption=Disruption(DisruptionKind.DRIVER_RELOAD, str(self.gpu)),
            assumes=(Assumption(FACT, str(self.gpu), str(function.total_vfs)),),
            quiet=True,
        )

    def _obstacle(self, observed: Observed, function: pci.Function, wiped: bool) -> Blocked | None:
        tools = observed.require(driver.PROBE)
        if function.total_vfs < self.at_least:
            return _blocked(
                self.key,
                f"{self.gpu} can have {_counted(function.total_vfs)}, {self._asked} asked for",
                "turn on SR-IOV in the firmware, and switch the board's display mode off where it has one",
            )
        if not wiped and (not tools.version or function.driver != "nvidia"):
            bound, version = function.driver or "no driver", tools.version or "not loaded"
            fact = f"{self.gpu} is bound to {bound}, NVIDIA's driver is {version}"
            return _blocked(self.key, fact, "install NVIDIA's vGPU host driver and bind the GPU to it")
        if not tools.sriov_manage:
            return _blocked(self.key, f"{driver.SRIOV_MANAGE} is missing", "install NVIDIA's vGPU host driver")
        if function.enabled_vfs and not wiped:
            return _blocked(
                self.key,
                f"{self.gpu} has {_counted(function.enabled_vfs)}, {self._asked} asked for",
                self._remedy(observed),
            )
        left = None if wiped else _instances_of_others(observed, self.gpu)
        return _blocked(self.key, *left) if left else None

    @property
    def _asked(self) -> str:
        return "1 vGPU is" if self.at_least == 1 else f"{self.at_least} vGPUs are"

    def _remedy(self, observed: Observed) -> str:
        """How those that are on go off: as they went on."""
        if self.key.local in observed.require(ours.PROBE).claims:
            return "run `gpucarve rollback`, which turns them off, then apply again, or ask for fewer vGPUs"
        return f"stop what uses them, then run {driver.SRIOV_MANAGE} -d {self.gpu}"


@dataclass(frozen=True, slots=True)
class NoVirtualFunctions:
    """The GPU has none, as before our claim, for `reason`."""

    stage: ClassVar[Stage] = Stage.DISABLE_VIRTUAL_FUNCTIONS

    key: ResourceKey
    gpu: PciAddress
    reason: str
    needs: tuple[ResourceKey, ...] = ()

    def decide(self, observed: Observed, outlook: Outlook) -> Decision:
        """Settled when the claim is gone; blocked while somebody else's vGPU stands on one of them, or a guest has
        one as a device of its own."""
        if self.key.local not in observed.require(ours.PROBE).claims:
            return Settled("as before")
        function = pci.at(observed, self.gpu)
        if kept := kept_on_by(observed, function):
            return _blocked(self.key, *kept)
        waiting = bool(outlook.unsettled)
        return Change(
            Action.REMOVE if function.enabled_vfs else Action.RELEASE,
            before=_counted(function.enabled_vfs),
            after=_counted(0),
            reason=self.reason,
            work=None if waiting else lambda: _disable(self.key, self.gpu, function.enabled_vfs),
            disruption=Disruption(
                DisruptionKind.DRIVER_RELOAD if function.enabled_vfs else DisruptionKind.NONE, str(self.gpu)
            ),
            quiet=function.enabled_vfs > 0,
        )


def kept_on_by(observed: Observed, function: pci.Function) -> tuple[str, str] | None:
    """Fact and fix where turning a GPU's virtual functions off would take something of others along: their vGPUs, a
    virtual function that a guest has as a device of its own, their GPU instances, which the driver loses with it."""
    if left := [each for each in slots.made_by_others(observed) if each.parent in function.virtual_functions]:
        names = ", ".join(device.uuid for device in left)
        fact = f"vGPUs that gpucarve did not make stand on {function.address}: {names}"
        return fact, "remove them, or move them to another GPU, first"
    functions = observed.require(pci.PROBE).by_address
    for address in function.virtual_functions:
        bound = functions[address].driver if address in functions else ""
        if bound not in ("", "nvidia"):
            return f"{address} is bound to {bound}", "unbind it, and stop what uses it, first"
    return _instances_of_others(observed, function.address)


def _instances_of_others(observed: Observed, gpu: PciAddress) -> tuple[str, str] | None:
    """Fact and fix where sriov-manage, which unbinds the driver, would wipe GPU instances that others made."""
    left = instances.made_by_others(observed, gpu)
    if not left:
        return None
    names = ", ".join(f"{each.profile} at {each.placement}" for each in left)
    fact = (
        f"GPU instances that gpucarve did not make stand on {gpu}, and switching virtual functions wipes them: {names}"
    )
    return fact, "destroy them first, or leave this GPU out of the document"


def turn_off(gpu: PciAddress) -> Flow[Done | Failure]:
    """Turn off whatever virtual functions a GPU has; our claim stays."""
    return (yield from _manage("-d", gpu, lambda count: count == 0))


def _enable(key: ResourceKey, gpu: PciAddress, total: int) -> Flow[Done | Failure]:
    record = {"kind": KIND, "gpu": str(gpu), "enabled_before": 0, boot_lines.FIELD: boot_lines.line(KIND, gpu)}
    claimed = yield from do(Guarded(Claim(key.local, json.dumps(record)), before=(_none(gpu),)))
    if claimed.state is not CallState.DONE:
        return claimed.failure()
    return (yield from _manage("-e", gpu, lambda count: count >= total))


def _disable(key: ResourceKey, gpu: PciAddress, enabled: int) -> Flow[Done | Failure]:
    if enabled:
        managed = yield from turn_off(gpu)
        if isinstance(managed, Failure):
            return managed
    outcome = yield from do(Guarded(Disown(key.local), before=(_none(gpu),)))
    return Done() if outcome.state is CallState.DONE else outcome.failure()


def _manage(option: str, gpu: PciAddress, reached: Callable[[int], bool]) -> Flow[Done | Failure]:
    """Run the tool until sysfs shows what is wanted, or as many as there will be.

    Fewer than wanted is no failure here: how many came is read at the barrier and compared with what the plan said.
    """
    before = yield from _enabled(gpu)
    if before is None:
        return _unreadable(gpu)
    if reached(before):
        return Done()
    guard = (Equals(pci.sysfs(gpu, "sriov_numvfs"), str(before)),)
    said = ""
    for attempt in range(1, _ATTEMPTS + 1):
        outcome = yield from do(Guarded(Run((driver.SRIOV_MANAGE, option, str(gpu)), deadline=180), before=guard))
        if isinstance(outcome.reply, Failure) or outcome.state is CallState.STOPPED:
            return outcome.failure()
        yield from until(lambda: _enabled(gpu), _is(reached), deadline=_settle(outcome), every=0.5)
        now = yield from _enabled(gpu)
        if now is None:
            return _unreadable(gpu)
        if reached(now) or now != before:
            return Done()
        said = outcome.reply.said() if isinstance(outcome.reply, Exited) else outcome.found
        if outcome.state is CallState.FAILED and LOCK_MESSAGE not in said:
            return outcome.failure()
        yield from ask(Sleep(_PAUSE * attempt))
    tried = f"{driver.SRIOV_MANAGE} {option} {gpu}, {_ATTEMPTS} times"
    return Failure(FailureKind.BUSY, f"nothing changed after {tried}: {said}")


def _settle(outcome: CallOutcome) -> float:
    """A tool that failed has changed nothing yet, so there is little to wait for."""
    return 1.0 if outcome.state is CallState.FAILED else _SETTLE


def _is(reached: Callable[[int], bool]) -> Callable[[int | None], bool]:
    return lambda count: count is not None and reached(count)


def _enabled(gpu: PciAddress) -> Flow[int | None]:
    """How many virtual functions both the counter and the links show; None when they cannot be read."""
    counter = pci.sysfs(gpu, "sriov_numvfs")
    files, links = yield from ask_all((ReadFiles((counter,)), ReadLinks((pci.sysfs(gpu, "virtfn*"),))))
    text = files.by_path()[counter].text() if isinstance(files, Files) and counter in files.by_path() else ""
    if not isinstance(links, Links) or not text.isdecimal():
        return None
    return min(int(text), len(links.entries))


def _counted(number: int) -> str:
    return "1 virtual function" if number == 1 else f"{number} virtual functions"


def _none(gpu: PciAddress) -> Equals:
    return Equals(pci.sysfs(gpu, "sriov_numvfs"), "0")


def _unreadable(gpu: PciAddress) -> Failure:
    """The host went away, or its sysfs: looked at again before anything else is done."""
    return Failure(FailureKind.UNREACHABLE, f"how many virtual functions {gpu} has cannot be read")


def _blocked(key: ResourceKey, fact: str, fix: str) -> Blocked:
    rule = "vGPUs of this architecture stand on virtual functions, made by the driver's own tool on an idle GPU"
    return Blocked((Finding(key.target, KIND, Verdict.DIFFERS, fact, rule, fix),))
