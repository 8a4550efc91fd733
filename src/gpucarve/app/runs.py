"""Carrying out an approved plan, and going on with one that was cut off.

Boundary: journal, channels and engine are joined here; what to do is the plan's.
"""

from __future__ import annotations

from gpucarve.app.fleets import Fleet
from gpucarve.app.worlds import World
from gpucarve.engine.channels import HostChannel
from gpucarve.engine.converge import Result, converge
from gpucarve.engine.events import Emit
from gpucarve.engine.pausing import Pause
from gpucarve.errors import PlanError
from gpucarve.journal.lock import exclusive
from gpucarve.journal.store import Journal, Run
from gpucarve.plan.plans import Plan, Purpose


def unfinished(journal: Journal, fleet: Fleet, purpose: Purpose) -> Run | None:
    """The run that was cut off or paused and that the next apply goes on with: same fleet, same document, same purpose,
    same hosts."""
    try:
        run = journal.unfinished(fleet.name)
    except PlanError:
        return None  # approved by another version: the facts are planned on anew
    if run is None or run.plan.document != fleet.digest or run.plan.purpose is not purpose:
        return None
    return run if set(run.plan.hosts) == set(fleet.targets) else None


async def apply(
    world: World,
    journal: Journal,
    plan: Plan,
    emit: Emit,
    *,
    continued: Run | None = None,
    take_over: bool = False,
    pause: Pause | None = None,
) -> Result:
    """Carry out an approved plan, or go on with a run that was cut off or paused. Raises LockedError."""
    pause = pause or Pause()
    with exclusive(journal.path):
        run = continued or _begin(journal, plan)
        channels = {
            target: HostChannel(target, world.host(target), journal.holder, run.run, emit, take_over, pause)
            for target in run.plan.targets
        }
        return await converge(run, channels, journal, emit, continued=continued is not None, pause=pause)


def check_saved(plan: Plan, fleet: Fleet) -> None:
    """Raises PlanError when a saved plan was made from another document."""
    if plan.document != fleet.digest or plan.fleet != fleet.name:
        hint = "make the plan again with `gpucarve plan --out FILE`"
        raise PlanError("the plan was made from another fleet document", hint=hint)


def _begin(journal: Journal, plan: Plan) -> Run:
    """A new run; one that was cut off and is not gone on with ends here."""
    journal.close_unfinished(plan.fleet)
    return journal.begin(plan)
