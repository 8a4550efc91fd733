"""The reboot of a host: one for everything that waits for it.

The boot id it was decided on is its precondition, so a host that has rebooted since is not rebooted again. That it was
ordered is noted under /run, which the boot empties: a host on its way down is not told twice. A host that still answers
long after the note got no order: its program died in between, and the order is given again.

Boundary: a flow; the planner decides that one is needed. The reply to the command may be lost with the connection;
only a new boot id counts.
"""

from __future__ import annotations

from gpucarve.calls.flows import Flow, ask, do, do_all, until
from gpucarve.calls.predicates import Absent, Equals
from gpucarve.calls.primitives import ReadFiles, Remove, Run, WriteFile
from gpucarve.calls.programs import CallOutcome, CallState, Guarded
from gpucarve.calls.replies import Done, Exited, Failure, FailureKind, Files
from gpucarve.facts import boot
from gpucarve.facts.observed import Observed
from gpucarve.model.changes import Action, Disruption, DisruptionKind
from gpucarve.model.hosts import ResourceKey, Target
from gpucarve.resources.decisions import Change

PATIENCE = 900.0  # seconds for a server with much memory to come back
_GOING_DOWN = 240.0  # seconds for services to stop; systemd kills what has not stopped after 90
_ORDERED = "/run/gpucarve-reboot"  # holds the boot id that was told to end


def key(target: Target) -> ResourceKey:
    """The reboot of a host."""
    return ResourceKey(target, "reboot")


def change(observed: Observed, reasons: tuple[str, ...]) -> Change:
    """The step that reboots the host in this snapshot."""
    boot_id = observed.require(boot.PROBE).boot_id
    return Change(
        Action.REBOOT,
        before=f"boot {boot_id[:8]}",
        after="a new boot",
        reason="; ".join(reasons),
        work=lambda: _reboot(boot_id),
        preconditions=(Equals(boot.BOOT_ID, boot_id),),
        disruption=Disruption(DisruptionKind.REBOOT, "host"),
    )


def _reboot(boot_id: str) -> Flow[Done | Failure]:
    same_boot = Equals(boot.BOOT_ID, boot_id)
    note = Guarded(WriteFile(_ORDERED, boot_id.encode()), before=(Absent(_ORDERED), same_boot))
    order = Guarded(Run(("systemctl", "reboot")), before=(same_boot,))
    outcomes = yield from do_all((note, order))
    if outcomes[0].state is CallState.STOPPED and (yield from _stays_up(boot_id)):
        outcomes = (outcomes[0], (yield from do(order)))
    said = outcomes[1].reply
    if isinstance(said, Exited) and said.status != 0:
        yield from do(Guarded(Remove(_ORDERED)))
        return Failure(FailureKind.OTHER, f"systemctl reboot ended with {said.status}: {said.error_text()[:300]}")
    if failure := _certain_failure(outcomes):
        return failure
    if any(isinstance(each.reply, Failure) for each in outcomes) and (yield from _answers_again(boot_id)):
        return Failure(FailureKind.UNREACHABLE, "the host answers again, and goes on: the order did not reach it")
    back = yield from until(_boot_id, lambda now: now not in ("", boot_id), deadline=PATIENCE, every=2.0)
    if isinstance(back, Failure):
        return Failure(FailureKind.TIMED_OUT, f"the host did not come back within {PATIENCE:g} s")
    return Done()


def _stays_up(boot_id: str) -> Flow[bool]:
    """Whether a host that was ordered down before still answers, under the same boot, when it should be down."""
    down = yield from until(_boot_id, lambda now: now != boot_id, deadline=_GOING_DOWN, every=2.0)
    return isinstance(down, Failure)


def _answers_again(boot_id: str) -> Flow[bool]:
    """Whether a host whose reply was lost comes back under the same boot and stays."""
    now = yield from until(_boot_id, bool, deadline=PATIENCE, every=2.0)
    return now == boot_id and (yield from _stays_up(boot_id))


def _certain_failure(outcomes: tuple[CallOutcome, ...]) -> Failure | None:
    """A write that failed for sure. One that stopped was ordered before; a lost reply is what a reboot looks like."""
    for outcome in outcomes:
        if isinstance(outcome.reply, Failure) and outcome.reply.kind is not FailureKind.UNREACHABLE:
            return outcome.reply
    return None


def _boot_id() -> Flow[str]:
    """The boot id, empty while the host does not answer."""
    reply = yield from ask(ReadFiles((boot.BOOT_ID,)))
    if isinstance(reply, Files) and boot.BOOT_ID in reply.by_path():
        return reply.by_path()[boot.BOOT_ID].text()
    return ""
