"""`gpucarve apply`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpucarve.cli.misuse import Misuse
from gpucarve.cli.verb import fleet, journal, limit, take_over, verb, world, yes

if TYPE_CHECKING:
    from gpucarve.app import Fleet
    from gpucarve.cli.exits import Exit
    from gpucarve.cli.output import Output
    from gpucarve.plan.plans import Plan

_plan = click.argument("plan", required=False, type=click.Path(path_type=Path), metavar="[PLAN.json]")


@verb("apply", fleet, limit, world, journal, yes, take_over, _plan)
def command(
    output: Output,
    file: str,
    limit: tuple[str, ...],
    plan: Path | None,
    world: Path | None,
    journal: Path | None,
    yes: bool,
    take_over: bool,
) -> Exit:
    """Make the fleet what its document says: look, show the plan, ask, change, look again.

    Goes on with a run that was cut off or paused. With PLAN.json, as `plan --out` saved it, that plan is carried out
    without asking, if it still fits. The first Ctrl-C pauses the run, the second one ends it at once.

    \b
    Example:
      gpucarve apply -f fleet.yaml --yes
    """
    from gpucarve.cli import reading
    from gpucarve.cli.carrying import Desk, Order, carry_out
    from gpucarve.plan.plans import Purpose

    if plan and limit:
        raise Misuse("a plan names its hosts already", "give --limit to `gpucarve plan --out FILE`")
    loaded, folder = reading.fleet(file, limit)
    saved = _saved(plan, loaded) if plan else None
    if saved is not None:
        loaded = loaded.limited(saved.hosts)
    opened = reading.hosts(loaded, world, folder)
    with reading.journal(journal) as log, reading.world(opened) as runner:
        return carry_out(Desk(output, runner, opened, log, loaded), Order(Purpose.APPLY, yes, take_over, saved))


def _saved(file: Path, fleet: Fleet) -> Plan:
    from gpucarve import app
    from gpucarve.cli import reading
    from gpucarve.errors import PlanError
    from gpucarve.plan.plans import Purpose

    plan = reading.plan(file)
    app.check_saved(plan, fleet)
    if plan.purpose is not Purpose.APPLY:
        raise PlanError(f"the plan is for {plan.purpose.value}, not for apply", hint="use that verb instead")
    return plan
