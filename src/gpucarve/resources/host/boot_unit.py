"""The boot unit: a systemd service of ours that makes stand again what a boot wipes and our claims say is ours.

The unit runs one constant script, which reads the claims; so neither changes with what is carved, only with the version
of gpucarve. It is enabled and not started: until the next boot there is nothing for it to do, and it would wait for the
lock that the program which starts it holds.

Boundary: decides on `facts.units` and `facts.ours`; the script's lines are `boot_lines`'. Source: systemd.unit(5),
systemd.service(5); unit names as their packages ship them: NVIDIA's vGPU driver, nvidia-persistenced, DCGM, libvirt,
nova, kolla-ansible (`kolla-NAME-container.service`), Docker, Podman, Slurm, Kubernetes distributions.
"""

from __future__ import annotations

import json
import pkgutil
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

from gpucarve.calls.predicates import Absent, Predicate, Sha256
from gpucarve.calls.primitives import Claim, Disown, Restore, Run, WriteFile
from gpucarve.calls.programs import Guarded
from gpucarve.errors import BugError
from gpucarve.facts import ours, units
from gpucarve.facts.observed import Observed
from gpucarve.model.changes import Action, PutBack
from gpucarve.model.findings import Finding, Verdict
from gpucarve.model.hosts import ResourceKey, Target
from gpucarve.resources.decisions import Batch, Blocked, Change, Decision, Outlook, Settled
from gpucarve.resources.host import boot_lines
from gpucarve.resources.order import Stage

KIND = "boot-unit"
_AFTER = "what is carved comes back after a boot"
_RELOAD = Guarded(Run(("systemctl", "daemon-reload"), deadline=120))


def key(target: Target) -> ResourceKey:
    """The one boot unit of a host."""
    return ResourceKey(target, KIND)


@cache
def unit() -> bytes:
    """The unit's file."""
    return _packaged("gpucarve-boot.service")


@cache
def script() -> bytes:
    """The script that it runs."""
    return _packaged("boot.sh")


def _packaged(name: str) -> bytes:
    content = pkgutil.get_data(__package__, f"boot/{name}")
    if content is None:
        raise BugError(f"this installation of gpucarve lacks {name}")
    return content


@dataclass(frozen=True, slots=True)
class BootUnit:
    """The unit and its script are this version's, and the unit is enabled."""

    stage: ClassVar[Stage] = Stage.BOOT

    key: ResourceKey
    needs: tuple[ResourceKey, ...] = ()

    def decide(self, observed: Observed, outlook: Outlook) -> Decision:
        """Settled when it is there, enabled and ours; whatever it said at the last boot, the rest shows what it did."""
        found = observed.require(units.PROBE)
        if blocked := _obstacle(self.key, found):
            return blocked
        claimed = self.key.local in observed.require(ours.PROBE).claims
        right = (found.unit, found.script) == (unit(), script()) and not found.stale
        if right and found.enabled and claimed:
            return Settled(f"enabled, {found.state}")
        new = not found.enabled  # which comes last: until then it is being made
        state = "enabled" if right and found.enabled else "not enabled" if right else "another version's, or edited"
        return Change(
            Action.CREATE if new else Action.CHANGE,
            before="none" if found.unit is None else state,
            after=f"{units.NAME}, enabled",
            reason=_AFTER,
            work=Batch(tuple(self._writes(found, right))),
            preconditions=(_as(units.UNIT, found.unit), _as(units.SCRIPT, found.script)),
            undo=PutBack((units.UNIT, units.SCRIPT)),
        )

    def _writes(self, found: units.BootUnit, right: bool) -> list[Guarded]:
        now = (_as(units.UNIT, found.unit), _as(units.SCRIPT, found.script))
        claim = Claim(self.key.local, json.dumps({"kind": KIND}), (units.UNIT, units.SCRIPT))
        writes = [Guarded(claim, before=now)]
        files = ((units.SCRIPT, script(), 0o700, now[1]), (units.UNIT, unit(), 0o644, now[0]))
        for path, content, mode, before in files:
            wanted = (Sha256.of(path, content),)
            writes.append(Guarded(WriteFile(path, content, mode), before=(before,), wanted=wanted))
        if not right:
            writes.append(_RELOAD)
        if not found.enabled:
            enable = Run(("systemctl", "enable", units.NAME), deadline=120)
            writes.append(Guarded(enable, before=(Sha256.of(units.UNIT, unit()),)))
        return writes


@dataclass(frozen=True, slots=True)
class BootUnitAsBefore:
    """No unit of ours, for `reason`, once nothing is claimed that has to stand again after a boot."""

    stage: ClassVar[Stage] = Stage.BOOT

    key: ResourceKey
    reason: str
    needs: tuple[ResourceKey, ...] = ()

    def decide(self, observed: Observed, outlook: Outlook) -> Decision:
        """Settled when the claim is gone, or while other claims still count on it."""
        claims = observed.require(ours.PROBE).claims
        if self.key.local not in claims:
            return Settled("as before")
        waiting = any(need in outlook.unsettled for need in self.needs)
        if not waiting and boot_lines.of(claims.values()):
            return Settled("kept for what else has to stand again after a boot")
        found = observed.require(units.PROBE)
        if found.link:
            return _linked(self.key, found)
        return Change(
            Action.REMOVE if found.unit is not None else Action.RELEASE,
            before=f"{units.NAME}, {'enabled' if found.enabled else 'disabled'}",
            after="as before",
            reason=self.reason,
            work=None if waiting else Batch(tuple(self._writes(found))),
            preconditions=(_as(units.UNIT, found.unit),),
        )

    def _writes(self, found: units.BootUnit) -> list[Guarded]:
        """Taken out of the boot first: what stands half at a crash would be a script that nothing runs."""
        writes = []
        if found.unit is not None:
            disable = Run(("systemctl", "disable", "--now", units.NAME), deadline=120)
            writes.append(Guarded(disable, before=(_as(units.UNIT, found.unit),)))
        writes += [Guarded(Restore(self.key.local, path)) for path in (units.UNIT, units.SCRIPT)]
        return [*writes, _RELOAD, Guarded(Disown(self.key.local))]


def _as(path: str, content: bytes | None) -> Predicate:
    """The file as it was seen."""
    return Absent(path) if content is None else Sha256.of(path, content)


def _obstacle(key: ResourceKey, found: units.BootUnit) -> Blocked | None:
    if not found.state:
        return _blocked(key, "no systemd answers on this host", "run gpucarve on hosts that systemd boots")
    return _linked(key, found) if found.link else None


def _linked(key: ResourceKey, found: units.BootUnit) -> Blocked:
    fact = f"{units.UNIT} is a symbolic link to {found.link}"
    masked = found.link == "/dev/null"
    fix = f"run systemctl unmask {units.NAME}" if masked else "make room for a plain file of that name"
    return _blocked(key, fact, fix)


def _blocked(key: ResourceKey, fact: str, fix: str) -> Blocked:
    rule = f"{_AFTER} by a unit of systemd, and what others put in its place is not overwritten"
    return Blocked((Finding(key.target, KIND, Verdict.DIFFERS, fact, rule, fix),))
