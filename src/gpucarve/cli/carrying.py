"""The way of apply, rollback and adopt: look, show, ask, carry out, look again.

Boundary: the conversation; each of the five is done elsewhere.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass

import click

from gpucarve import app
from gpucarve.app import Fleet, Survey, World
from gpucarve.cli import looking, progress
from gpucarve.cli.exits import Exit, of_endings, of_findings
from gpucarve.cli.misuse import Misuse
from gpucarve.cli.output import Output
from gpucarve.cli.pausing import interruptible
from gpucarve.cli.views import findings, plans, results, steps
from gpucarve.cli.views.text import count
from gpucarve.engine.converge import Result
from gpucarve.engine.endings import Outcome
from gpucarve.engine.events import Emit, Event
from gpucarve.engine.pausing import Pause
from gpucarve.errors import PlanError
from gpucarve.journal.store import Journal, Run
from gpucarve.model.changes import Action
from gpucarve.model.findings import Verdict
from gpucarve.plan import codec
from gpucarve.plan.plans import Plan, Purpose
from gpucarve.plan.refinement import divergences

_PAUSING = "Pausing: hosts under way end the step they are in. Interrupt again to stop at once."


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked for: the purpose, a plan that was saved and approved before, and the two consents."""

    purpose: Purpose
    yes: bool
    take_over: bool
    saved: Plan | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """Where an order is carried out."""

    output: Output
    runner: asyncio.Runner
    world: World
    journal: Journal
    fleet: Fleet

    def look(self, purpose: Purpose) -> Survey:
        """A fresh survey."""
        return self.runner.run(app.survey(self.world, self.fleet, purpose))


def carry_out(desk: Desk, order: Order) -> Exit:
    """Begin or go on, to the end. Raises PlanError, LockedError."""
    run = _begun(desk, order)
    if run is not None:
        return _conclude(desk, order, _run(desk, order, run.plan, run))
    found = desk.look(order.purpose)
    if found.refused_as_a_whole:
        return looking.refuse(found, desk.output)
    plan = found.offer.plan
    if order.saved is not None:
        _check_overtaken(order.saved, found)
    if not plan.stages:
        return _conclude(desk, order, None, found)
    plan = order.saved or plan
    looking.warn(found, desk.output)
    style = desk.output.side if desk.output.as_json else desk.output.style
    known = order.saved is not None and not desk.output.wide  # who saved it has seen it
    desk.output.explain(
        "\n".join(plans.head(plan, style)) if known else plans.render(plan, style, wide=desk.output.wide)
    )
    if not (order.yes or order.saved or _approved(plan, order.purpose)):
        desk.output.note("Nothing was changed.")
        return Exit.FAILED
    return _conclude(desk, order, _run(desk, order, plan, None))


def _begun(desk: Desk, order: Order) -> Run | None:
    """The run to go on with: the one that was cut off, unless another plan than its own was given."""
    run = app.unfinished(desk.journal, desk.fleet, order.purpose)
    if run is None or order.saved is None or codec.digest(run.plan) == codec.digest(order.saved):
        return run
    return None


def _check_overtaken(saved: Plan, found: Survey) -> None:
    """What a plan asks of a host has to be what its document asks today: a file can be edited, or of older facts.

    Of a host that gives no answer now that cannot be said; the run finds out, and counts it as a failure.
    """
    hint = "make the plan again with `gpucarve plan --out FILE`"
    now = found.offer.without({each.target: each.reasons for each in saved.left_out})
    reasons = divergences(saved, now)
    if reasons:
        raise PlanError(f"the plan no longer fits: {'; '.join(reasons)}", hint=hint)
    asked = {resource.key: resource for resource in now.plan.resources}
    away = {each.target for each in found.offer.plan.left_out}
    odd = [str(each.key) for each in saved.resources if each.key.target not in away and asked.get(each.key) != each]
    odd += ["rollout"] if saved.without({}).rollouts != found.draft.plan.rollouts else []
    if odd:
        raise PlanError(f"the plan is not what its document asks for: {', '.join(odd)}", hint=hint)


def _approved(plan: Plan, purpose: Purpose) -> bool:
    """Ask on the terminal. Raises Misuse where there is none."""
    if not sys.stdin.isatty():
        raise Misuse("nobody can be asked: standard input is no terminal", "look at the plan, then add --yes")
    hosts = {step.key.target for step in plan.steps}
    reboots = sum(step.action is Action.REBOOT for step in plan.steps)
    parts = [f"{count(len(plan.steps), 'step')} on {count(len(hosts), 'host')}"]
    parts += [count(reboots, "reboot")] if reboots else []
    parts += [f"{len(plan.irreversible)} without a way back"] if plan.irreversible else []
    parts += [f"{count(len(plan.left_out), 'host')} left out"] if plan.left_out else []
    return click.confirm(f"{steps.VERBS[purpose].capitalize()} this ({', '.join(parts)})?", err=True)


def _run(desk: Desk, order: Order, plan: Plan, run: Run | None) -> Result:
    pause = Pause()
    try:
        with progress.shown(desk.output, plan.targets) as emit:
            told = _told(desk.output, run, emit) if run else emit
            work = app.apply(
                desk.world, desk.journal, plan, told, continued=run, take_over=order.take_over, pause=pause
            )
            return desk.runner.run(interruptible(pause, work, lambda: desk.output.note(_PAUSING)))
    except (KeyboardInterrupt, asyncio.CancelledError):
        desk.output.note("Interrupted. Run the same command again: it goes on where this run was.")
        raise click.exceptions.Exit(Exit.INTERRUPTED) from None


def _told(output: Output, run: Run, emit: Emit) -> Emit:
    """Say before the first event what is gone on with: only then is it certain that no other process works on it."""
    said = False

    def told(event: Event) -> None:
        nonlocal said
        if not said:
            said = True
            output.note(f"Going on with run {run.run}, which had not ended; its plan was approved {run.started}.")
        emit(event)

    return told


def _conclude(desk: Desk, order: Order, result: Result | None, found: Survey | None = None) -> Exit:
    """Tell how it ended; where it ended well, by a fresh look at what stands."""
    output = desk.output
    done = result is None or result.done
    found = (found or desk.look(order.purpose)) if done else None
    judged = looking.judged(found) if found else ()
    parts = [results.render(result, order.purpose, output.style)] if result else [_nothing(order.purpose, found)]
    odd = judged if output.wide else [each for each in judged if each.verdict is not Verdict.HOLDS]
    parts += [findings.render(odd, output.style)] if odd else []
    parts += [findings.summary(judged)] if judged else []
    output.data("Result", results.data(result, order.purpose, judged), "\n".join(parts))
    if result is None or result.done:
        return of_findings(judged, found.refused.values() if found else ())
    if any(ending.outcome is Outcome.PAUSED for ending in result.endings.values()):
        output.note("Paused. Run the same command again: it goes on where this run was.")
    changed = any(entry.phase == "done" for entry in desk.journal.entries(result.run))
    return of_endings(result.endings.values(), changed=changed)


def _nothing(purpose: Purpose, found: Survey | None) -> str:
    left_out = found is not None and bool(found.problems)
    return "Nothing to do on the other hosts; these could not be judged:" if left_out else results.NOTHING[purpose]
