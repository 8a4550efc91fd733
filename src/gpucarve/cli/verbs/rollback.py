"""`gpucarve rollback`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gpucarve.cli.verb import fleet, journal, limit, take_over, verb, world, yes

if TYPE_CHECKING:
    from gpucarve.cli.exits import Exit
    from gpucarve.cli.output import Output


@verb("rollback", fleet, limit, world, journal, yes, take_over)
def command(
    output: Output,
    file: str,
    limit: tuple[str, ...],
    world: Path | None,
    journal: Path | None,
    yes: bool,
    take_over: bool,
) -> Exit:
    """Bring hosts back to what they were before gpucarve's first change, as they themselves recorded it.

    Shows the plan and asks, as apply does; what gpucarve did not make is left alone.

    \b
    Example:
      gpucarve rollback -f fleet.yaml
    """
    from gpucarve.cli import reading
    from gpucarve.cli.carrying import Desk, Order, carry_out
    from gpucarve.plan.plans import Purpose

    loaded, folder = reading.fleet(file, limit)
    opened = reading.hosts(loaded, world, folder)
    with reading.journal(journal) as log, reading.world(opened) as runner:
        return carry_out(Desk(output, runner, opened, log, loaded), Order(Purpose.ROLLBACK, yes, take_over))
