"""Carrying out an approved plan on all its targets at once.

Boundary: one task a target; a target that fails stops what depends on it, and the rollout of its site once too many
have. The journal knows the run as ended when every target has ended by itself; a killed or paused one stays running, to
be gone on with.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

from gpucarve.engine.board import Board
from gpucarve.engine.channels import Channel
from gpucarve.engine.endings import Ending, Outcome
from gpucarve.engine.events import Emit
from gpucarve.engine.intents import Intents
from gpucarve.engine.pausing import Pause
from gpucarve.engine.rollout import Turns
from gpucarve.engine.track import Track
from gpucarve.journal.store import Journal, Run, RunState
from gpucarve.model.hosts import Target
from gpucarve.plan.plans import Plan, StagePlan
from gpucarve.resources.decisions import Resource
from gpucarve.resources.host import reboot

_HOPEFUL = {Outcome.UNREACHABLE, Outcome.BLOCKED, Outcome.HELD, Outcome.LEFT_OUT, Outcome.DONE}
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
    run: Run,
    channels: Mapping[Target, Channel],
    journal: Journal,
    emit: Emit,
    *,
    continued: bool = False,
    pause: Pause | None = None,
) -> Result:
    """Carry out `run.plan`, fresh or `continued` after it was cut off, until its end or until `pause` is requested.

    When something goes wrong that is no host's doing, every target still gets to its end, and it is raised then; the
    run can be gone on with.
    """
    pause = pause or Pause()
    board = _board(run.plan, pause)
    turns = Turns(run.plan, _half_way(journal, run), emit, pause)
    reboots = _meant_reboots(journal, run)
    intents = Intents(journal, run.run)
    tracks = [
        Track(
            target=target,
            approved=part,
            channel=channels[target],
            run=run.run,
            log=journal,
            intents=intents,
            board=board,
            turns=turns,
            pause=pause,
            emit=emit,
            patience=(reboot.PATIENCE if target in reboots else _CONTINUED_PATIENCE) if continued else 0.0,
            reboots=reboots,
        )
        for target, part in _parts(run.plan).items()
    ]
    ended = await asyncio.gather(*(track.go() for track in tracks), return_exceptions=True)
    for error in ended:
        if isinstance(error, BaseException):
            raise error
    result = Result(run.run, dict(sorted(board.endings.items())))
    if not _is_to_go_on(result):
        journal.finish(run.run, RunState.DONE if result.done else RunState.STOPPED)
    return result


def _parts(plan: Plan) -> dict[Target, Plan]:
    """What of the plan is about each target."""
    resources: defaultdict[Target, list[Resource]] = defaultdict(list)
    stages: defaultdict[Target, list[StagePlan]] = defaultdict(list)
    for resource in plan.resources:
        resources[resource.key.target].append(resource)
    for stage in plan.stages:
        stages[stage.target].append(stage)
    return {
        target: replace(plan, resources=tuple(resources[target]), stages=tuple(stages[target]), rollouts=())
        for target in plan.targets
    }


def _board(plan: Plan, pause: Pause) -> Board:
    """What stands as far as the plan tells. Nothing that is needed of a host it was made without does."""
    left_out = {each.target: Ending(Outcome.LEFT_OUT, each.reasons) for each in plan.left_out}
    missing = {need for resource in plan.resources for need in resource.needs if need.target in left_out}
    board = Board((each.key for each in plan.resources), {step.key for step in plan.steps} | missing, pause)
    board.endings.update(left_out)
    return board


def _is_to_go_on(result: Result) -> bool:
    """Whether the run was paused, or all that is missing are hosts that do not answer: the plan stays approved."""
    outcomes = {ending.outcome for ending in result.endings.values()}
    return Outcome.PAUSED in outcomes or (Outcome.UNREACHABLE in outcomes and outcomes <= _HOPEFUL)


def _half_way(journal: Journal, run: Run) -> frozenset[Target]:
    """The hosts on which the run has begun something, and whose part of it has not ended since."""
    last = {entry.target: entry for entry in journal.entries(run.run)}
    return frozenset(target for target, entry in last.items() if entry.step)


def _meant_reboots(journal: Journal, run: Run) -> dict[Target, str]:
    """The boot that each host had when this run meant to reboot it."""
    return {
        entry.target: entry.detail
        for entry in journal.entries(run.run)
        if entry.phase == "intent" and entry.step == str(reboot.key(entry.target))
    }
