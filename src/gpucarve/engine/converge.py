"""Carrying out an approved plan on all its targets at once.

Boundary: one task a target; a target that fails stops only what depends on it. The journal knows the run as ended
when every target has ended by itself; a killed process leaves it running, to be gone on with.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from gpucarve.engine.board import Board
from gpucarve.engine.channels import Channel
from gpucarve.engine.endings import Ending, Outcome
from gpucarve.engine.events import Emit
from gpucarve.engine.track import Track
from gpucarve.journal.store import Journal, Run, RunState
from gpucarve.model.hosts import Target
from gpucarve.resources.host import reboot

_CONTINUED_PATIENCE = 60.0  # seconds for a host to answer when a run is gone on with


@dataclass(frozen=True, slots=True)
class Result:
    """How each target ended."""

    run: str
    endings: Mapping[Target, Ending]

    @property
    def done(self) -> bool:
        """Whether everything stands."""
        return all(ending.outcome is Outcome.DONE for ending in self.endings.values())


async def converge(
    run: Run, channels: Mapping[Target, Channel], journal: Journal, emit: Emit, *, continued: bool = False
) -> Result:
    """Carry out `run.plan`, fresh or `continued` after it was cut off.

    When something goes wrong that is no host's doing, every target still gets to its end, and it is raised then; the
    run can be gone on with.
    """
    board = Board((each.key for each in run.plan.resources), {step.key for step in run.plan.steps})
    reboots = _meant_reboots(journal, run)
    tracks = [
        Track(
            target=target,
            approved=run.plan,
            channel=channels[target],
            run=run.run,
            log=journal,
            board=board,
            emit=emit,
            patience=(reboot.PATIENCE if target in reboots else _CONTINUED_PATIENCE) if continued else 0.0,
            reboots=reboots,
        )
        for target in run.plan.targets
    ]
    ended = await asyncio.gather(*(track.go() for track in tracks), return_exceptions=True)
    for error in ended:
        if isinstance(error, BaseException):
            raise error
    result = Result(run.run, {target: board.endings[target] for target in run.plan.targets})
    if not _waits_for_a_host(result):
        journal.finish(run.run, RunState.DONE if result.done else RunState.STOPPED)
    return result


def _waits_for_a_host(result: Result) -> bool:
    """Whether all that is missing are hosts that do not answer: the plan stays approved until they do."""
    outcomes = {ending.outcome for ending in result.endings.values()}
    return Outcome.UNREACHABLE in outcomes and outcomes <= {Outcome.UNREACHABLE, Outcome.BLOCKED, Outcome.DONE}


def _meant_reboots(journal: Journal, run: Run) -> dict[Target, str]:
    """The boot that each host had when this run meant to reboot it."""
    return {
        entry.target: entry.detail
        for entry in journal.entries(run.run)
        if entry.phase == "intent" and entry.step == str(reboot.key(entry.target))
    }
