"""Services that hold NVIDIA's GPUs open (the persistence daemon, DCGM, monitoring): stopped for a change that needs an
idle GPU, and started again after it.

Each one is claimed before it is stopped, so that a run that is cut off leaves the names of those to start again on the
host. Only services known to stand being stopped are touched; anything else that holds a GPU is preflight's to name.

Boundary: batches; the planner puts them around the changes that need them. Which services these are is `facts.users`'.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from gpucarve.calls.primitives import Claim, Disown, Run
from gpucarve.calls.programs import Guarded
from gpucarve.facts import mediated, ours, users
from gpucarve.facts.observed import Observed, Unknown
from gpucarve.model.changes import Action, Compensate, Disruption, DisruptionKind
from gpucarve.model.hosts import ResourceKey, Target
from gpucarve.resources.decisions import Batch, Change

KIND = "gpu-clients"
_DEADLINE = 120.0  # seconds; systemd kills what has not stopped after 90
_SERVICE = Disruption(DisruptionKind.SERVICE, "host")


def stopped(target: Target, *, after_boot: bool = False) -> ResourceKey:
    """The step that stops them: once for what is taken away, once for what is built up after a reboot."""
    return ResourceKey(target, KIND, "stopped-after-boot" if after_boot else "stopped")


def started(target: Target) -> ResourceKey:
    """The step that starts them again."""
    return ResourceKey(target, KIND, "started")


def running(observed: Observed) -> tuple[str, ...]:
    """The known ones that run now and may be stopped: not the manager of vGPUs while a guest of the host has one."""
    active = {name for name, service in _installed(observed).items() if service.active}
    used = any(each.users for each in observed.require(mediated.PROBE).devices.values())
    return tuple(sorted(active - {users.VGPU_MANAGER} if used else active))


def _installed(observed: Observed) -> dict[str, users.Service]:
    services = observed.require(users.PROBE).services
    return {name: services[name] for name in users.KNOWN_CLIENTS if name in services}


def to_start(observed: Observed) -> tuple[str, ...]:
    """Those that we stopped and have not started since; none where our claims cannot be read, which others tell."""
    known = observed.get(ours.PROBE)
    claims = {} if isinstance(known, Unknown) else known.claims
    return tuple(sorted(name.partition("@")[2] for name, record in claims.items() if record.get("kind") == KIND))


def stop(observed: Observed, reasons: Sequence[str]) -> Change | None:
    """Stop what runs; None when nothing does."""
    names = running(observed)
    if not names:
        return None
    writes: list[Guarded] = []
    for name in names:
        writes.append(Guarded(Claim(_claim(name), json.dumps({"kind": KIND}))))
        writes.append(Guarded(Run(("systemctl", "stop", name), deadline=_DEADLINE)))
    return Change(
        Action.CHANGE,
        before=f"{', '.join(names)} running",
        after="stopped",
        reason=_reason(reasons),
        work=Batch(tuple(writes)),
        undo=Compensate("started again"),
        disruption=_SERVICE,
    )


def stop_after_boot(observed: Observed, reasons: Sequence[str]) -> Change | None:
    """Stop what the boot will have started of those that are installed; None when none is."""
    installed = sorted(_installed(observed))
    if not installed:
        return None
    return Change(
        Action.CHANGE,
        before=f"{', '.join(installed)}, where the boot starts them",
        after="stopped",
        reason=_reason(reasons),
        undo=Compensate("started again"),
        disruption=_SERVICE,
    )


def start(observed: Observed, *, predicted: bool) -> Change:
    """Start again what was stopped; `predicted` while something still needs them stopped."""
    names = to_start(observed)
    writes: list[Guarded] = []
    for name in names:
        writes.append(Guarded(Run(("systemctl", "start", name), deadline=_DEADLINE)))
        writes.append(Guarded(Disown(_claim(name))))
    return Change(
        Action.CHANGE,
        before=f"{', '.join(names)} stopped" if names else "stopped",
        after="running",
        reason="they ran before",
        work=None if predicted else Batch(tuple(writes)),
        disruption=_SERVICE,
    )


def _claim(name: str) -> str:
    return f"{KIND}@{name}"


def _reason(reasons: Sequence[str]) -> str:
    return f"nothing may hold a GPU open during {', '.join(dict.fromkeys(reasons))}"
