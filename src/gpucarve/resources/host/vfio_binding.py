"""A GPU that goes to guests whole: every function of it is bound to vfio-pci, now and after every boot.

The functions are chosen by address, through `driver_override`: an id given to vfio-pci would take every board of that
id. A udev rule sets the override as soon as the kernel shows a function; drivers that the initramfs loads are earlier
still, so the claim also holds the line from which our boot unit asserts the binding.

Boundary: decides on `facts.pci`, `facts.bindings` and `facts.users`; a flow, since only what sysfs shows afterwards
counts. Sources: Linux Documentation/ABI/testing/sysfs-bus-pci, Documentation/driver-api/vfio.rst (groups).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from gpucarve.facts import bindings, mediated, ours, pci, users
from gpucarve.facts.observed import Observed, Unreadable
from gpucarve.model.changes import Action, Assumption, Compensate, Disruption, DisruptionKind
from gpucarve.model.findings import Finding, Verdict
from gpucarve.model.hosts import ResourceKey, Target
from gpucarve.model.pci import PciAddress
from gpucarve.resources.decisions import Blocked, Change, Decision, FlowWork, Outlook, Settled
from gpucarve.resources.host import own_file, vfio_work
from gpucarve.resources.order import Stage

KIND = vfio_work.KIND
FACT = "driver"
DRIVER = bindings.DRIVER
_NVIDIA = "nvidia"
_LINE = re.compile(
    r'ACTION=="add", SUBSYSTEM=="pci", KERNEL=="[0-9a-f:.]+", (ATTR\{vendor\}=="0x10de", )?'
    r'ATTR\{driver_override\}="vfio-pci".*'
)
_RULE = "passthrough gives a guest every function of the GPU's IOMMU group, and nobody else may use one of them"


def key(target: Target, gpu: PciAddress) -> ResourceKey:
    """The binding of one GPU with its companions."""
    return ResourceKey(target, KIND, str(gpu))


@dataclass(frozen=True, slots=True)
class VfioBinding:
    """These functions are vfio-pci's; the GPU's own is the first."""

    stage: ClassVar[Stage] = Stage.BIND_PASSTHROUGH

    key: ResourceKey
    gpu: PciAddress
    functions: tuple[PciAddress, ...]
    needs: tuple[ResourceKey, ...] = ()

    def decide(self, observed: Observed, outlook: Outlook) -> Decision:
        """Settled when all are bound, by an override and a rule of ours, under our claim."""
        gpu = pci.at(observed, self.gpu)
        found = observed.require(pci.PROBE).every
        if lacking := [each for each in self.functions if each not in found]:
            raise Unreadable(f"there is no function at {lacking[0]} beside {self.gpu}")
        members = {each: found[each] for each in self.functions}
        if gpu.boot_vga:
            fact = f"the firmware shows its messages on {self.gpu}: it is the host's own display"
            return _blocked(self.key, fact, "make another display the first one in the firmware, or cut another GPU")
        if outlook.reboot or any(need in outlook.unsettled for need in self.needs):
            return self._change(members)
        bound = all(each.driver == DRIVER == each.override for each in members.values())
        rule = observed.require(bindings.PROBE).rules.get(self.gpu)
        claimed = self.key.local in observed.require(ours.PROBE).claims
        if bound and claimed and rule == bindings.rule(self.gpu, self.functions):
            names = ", ".join(map(str, self.functions))
            return Settled(f"{names}: {DRIVER}", (Assumption(FACT, str(self.gpu), DRIVER),))
        if claimed and (had := vfio_work.had_before(observed.require(ours.PROBE), self.key)).keys() != members.keys():
            fact = f"gpucarve has taken {', '.join(map(str, had))} for {self.gpu}; its functions are others now"
            return _blocked(self.key, fact, "roll back, then apply")
        if blocked := self._obstacle(observed, gpu, members):
            return blocked
        if rule is not None and not own_file.is_ours(rule, _LINE):
            return _not_ours(self.key, self.gpu)
        return self._change(members, lambda: vfio_work.bind(self.key, self.gpu, members, rule))

    def _obstacle(
        self, observed: Observed, gpu: pci.Function, members: Mapping[PciAddress, pci.Function]
    ) -> Blocked | None:
        if gpu.iommu_group is None:
            fact = f"{self.gpu} is in no IOMMU group: the IOMMU is off"
            return _blocked(self.key, fact, "turn VT-d or AMD-Vi on in the firmware")
        bus = observed.require(pci.PROBE)
        for each in bus.members(gpu.iommu_group):
            if each.address not in members and not each.is_bridge:
                fact = (
                    f"{each.address} ({each.vendor}:{each.device}, {each.driver or 'no driver'}) "
                    f"shares IOMMU group {gpu.iommu_group} with {self.gpu}"
                )
                return _blocked(self.key, fact, "put the GPU into another slot, or turn ACS on in the firmware")
        if gpu.enabled_vfs:
            fact = f"{self.gpu} has {gpu.enabled_vfs} virtual functions"
            return _blocked(self.key, fact, "turn them off, or cut another GPU")
        if made := observed.require(mediated.PROBE).on(self.gpu):
            return _blocked(self.key, f"vGPU {made[0].uuid} stands on {self.gpu}", "remove it, or cut another GPU")
        left = [each for each in members.values() if each.driver != DRIVER]
        if left and (used := _users(observed, members.values())):
            return _blocked(self.key, f"{self.gpu} is used by {used[0]}", "stop that, or cut another GPU")
        return None

    def _change(self, members: Mapping[PciAddress, pci.Function], work: FlowWork | None = None) -> Change:
        left = [each for each in members.values() if each.driver != DRIVER]
        return Change(
            Action.CREATE,
            before=", ".join(f"{address} {each.driver or 'no driver'}" for address, each in members.items()),
            after=f"{DRIVER} for {'all of them' if len(members) > 1 else 'it'}, now and at every boot",
            reason="a guest gets the GPU whole",
            work=work,
            preconditions=vfio_work.same(members.values()),
            undo=Compensate("each function with the driver that it had"),
            disruption=Disruption(DisruptionKind.DRIVER_RELOAD, str(self.gpu)) if left else Disruption(),
            assumes=(Assumption(FACT, str(self.gpu), DRIVER),),
            quiet=any(each.driver == _NVIDIA for each in left),
        )


@dataclass(frozen=True, slots=True)
class NoVfioBinding:
    """The functions are the host's again, each with the driver that our claim found, for `reason`."""

    stage: ClassVar[Stage] = Stage.RELEASE_PASSTHROUGH

    key: ResourceKey
    gpu: PciAddress
    reason: str
    needs: tuple[ResourceKey, ...] = ()

    def decide(self, observed: Observed, outlook: Outlook) -> Decision:
        """Settled when the claim is gone; blocked while a guest has the GPU."""
        claims = observed.require(ours.PROBE)
        if self.key.local not in claims.claims:
            return Settled("as before")
        had = vfio_work.had_before(claims, self.key)
        found = observed.require(pci.PROBE).every
        members = {address: found[address] for address in had if address in found}
        given = [address for address, each in members.items() if each.driver == DRIVER != had[address].driver]
        if given and (used := _users(observed, members.values())):
            fix = "shut that guest down, or take the GPU from it"
            return _blocked(self.key, f"{self.gpu} is used by {used[0]}", fix)
        rule = observed.require(bindings.PROBE).rules.get(self.gpu)
        if rule is not None and not own_file.is_ours(rule, _LINE):
            return _not_ours(self.key, self.gpu)
        return Change(
            Action.REMOVE if given or rule is not None else Action.RELEASE,
            before=f"{', '.join(map(str, given)) or 'no function'} with {DRIVER}",
            after=", ".join(f"{address} {had[address].driver or 'no driver'}" for address in members) or "not ours",
            reason=self.reason,
            work=lambda: vfio_work.release(self.key, self.gpu, members, had, rule),
            disruption=Disruption(DisruptionKind.DRIVER_RELOAD, str(self.gpu)) if given else Disruption(),
        )


def _users(observed: Observed, members: Iterable[pci.Function]) -> tuple[users.User, ...]:
    """Who uses one of the functions: guests through VFIO, processes through NVIDIA's driver.

    Known services are stopped for the change.
    """
    known = observed.require(users.PROBE)
    found: list[users.User] = []
    for each in members:
        if each.iommu_group is not None:
            found.extend(known.on_group(each.iommu_group))
        if each.driver == _NVIDIA:
            found.extend(user for user in known.on_gpu(each.address) if not user.unit)
    return tuple(dict.fromkeys(found))


def _not_ours(key: ResourceKey, gpu: PciAddress) -> Blocked:
    fact = f"{bindings.path(gpu)} holds what gpucarve did not write"
    return _blocked(key, fact, "move that to a file of another name")


def _blocked(key: ResourceKey, fact: str, fix: str) -> Blocked:
    return Blocked((Finding(key.target, KIND, Verdict.DIFFERS, fact, _RULE, fix),))
