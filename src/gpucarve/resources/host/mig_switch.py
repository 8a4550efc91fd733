"""Reaching a MIG mode: set it, reset the GPU where that takes it, look, and again a few times.

The tool says done for a change that it leaves pending, so only what its query then shows counts. What has the GPU open
for moments goes away; what stays is named in the end.

Boundary: a flow. Source: NVIDIA MIG user guide (pending mode, driver clients); NVIDIA/mig-parted README, known issues
(nvidia_drm); the tool's words as users published them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from gpucarve.calls.flows import Flow, ask, ask_all, do
from gpucarve.calls.primitives import Run, Sleep
from gpucarve.calls.programs import Guarded
from gpucarve.calls.replies import Done, Exited, Failure, FailureKind
from gpucarve.facts import mig, users
from gpucarve.facts.observed import Unknown, observe
from gpucarve.model.hosts import Target
from gpucarve.model.pci import PciAddress
from gpucarve.resources.host import virtual_functions

_ATTEMPTS = 4
_PAUSE = 3.0  # seconds between attempts, times the attempt
_DEADLINE = 120.0  # seconds; a reset of a large GPU, with its memory cleared
_IN_USE = re.compile(r"in use by another (client|process)", re.IGNORECASE)
_HOPELESS = ("Not Supported", "is not supported", "Insufficient Permissions")


def word(enabled: bool) -> str:
    """The mode as people and boot lines say it."""
    return "on" if enabled else "off"


def reach(target: Target, gpu: PciAddress, enabled: bool, takes_reset: bool) -> Flow[Done | Failure]:
    """Set the mode until the query shows it in force, with bounded retries while something has the GPU open."""
    said = ""
    for attempt in range(1, _ATTEMPTS + 1):
        now = yield from _look(target, gpu)
        if isinstance(now, Failure):
            return now
        if now.current is now.pending is enabled:
            return Done()
        off = yield from virtual_functions.turn_off(gpu)
        if isinstance(off, Failure):
            return off
        for step in _steps(gpu, now, enabled, takes_reset):
            outcome = yield from do(Guarded(Run(step, deadline=_DEADLINE)))
            if not isinstance(outcome.reply, Exited):
                found = outcome.found or outcome.state.value
                return outcome.reply if isinstance(outcome.reply, Failure) else Failure(FailureKind.CONFLICT, found)
            said = outcome.reply.said()
            now = yield from _look(target, gpu)
            if isinstance(now, Failure):
                return now
            if now.current is now.pending is enabled:
                return Done()
            if now.pending is not enabled:
                break  # it was not set, so that there is nothing to bring into force
        if any(words in said for words in _HOPELESS):
            break
        if attempt < _ATTEMPTS:
            yield from ask(Sleep(_PAUSE * attempt))
    return (yield from _held(target, gpu, enabled, said))


def _steps(gpu: PciAddress, now: mig.GpuMig, enabled: bool, takes_reset: bool) -> tuple[tuple[str, ...], ...]:
    """The commands of one attempt: what sets the mode, unless it is pending already, and what brings it into force."""
    where = (mig.NVIDIA_SMI, "-i", str(gpu))
    switch = () if now.pending is enabled else ((*where, "-mig", "1" if enabled else "0"),)
    if takes_reset:
        return (*switch, (*where, "--gpu-reset"))
    return switch or ((*where, "-mig", "1" if enabled else "0"),)


def _look(target: Target, gpu: PciAddress) -> Flow[mig.GpuMig | Failure]:
    replies = yield from ask_all(mig.PROBE.reads)
    seen = observe(target, (mig.PROBE,), replies).get(mig.PROBE)
    if isinstance(seen, Unknown) or gpu not in seen.by_gpu:
        why = seen.why if isinstance(seen, Unknown) else "nvidia-smi does not list it"
        return Failure(FailureKind.UNREACHABLE, f"the MIG mode of {gpu} cannot be read: {why}")
    return seen.by_gpu[gpu]


def _held(target: Target, gpu: PciAddress, enabled: bool, said: str) -> Flow[Failure]:
    """The failure, with who has the GPU open."""
    replies = yield from ask_all(users.PROBE.reads)
    seen = observe(target, (users.PROBE,), replies).get(users.PROBE)
    holders: Sequence[users.User] = () if isinstance(seen, Unknown) else seen.on_gpu(gpu)
    who = f"; {', '.join(map(str, holders))} has it open" if holders else ""
    if not who and _IN_USE.search(said):
        who = "; no process has it open, so it is the kernel's: run `modprobe -r nvidia_drm` where that is loaded"
    text = f"the MIG mode of {gpu} does not become {word(enabled)}: {said}{who}"
    return Failure(FailureKind.BUSY if holders else FailureKind.OTHER, text)
