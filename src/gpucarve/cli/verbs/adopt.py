"""`gpucarve adopt`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gpucarve.cli.verb import fleet, journal, limit, take_over, verb, world, yes

if TYPE_CHECKING:
    from gpucarve.cli.exits import Exit
    from gpucarve.cli.output import Output


@verb("adopt", fleet, limit, world, journal, yes, take_over)
def command(
    output: Output,
    file: str,
    limit: tuple[str, ...],
    world: Path | None,
    journal: Path | None,
    yes: bool,
    take_over: bool,
) -> Exit:
    """Take vGPUs that somebody else made, and that the document asks for, into gpucarve's ownership.

    Only gpucarve's own record on the host is written, never the vGPU.

    \b
    Example:
      gpucarve adopt -f fleet.yaml
    """
    from gpucarve.cli import reading
    from gpucarve.cli.carrying import Desk, Order, carry_out
    from gpucarve.plan.plans import Purpose

    loaded, folder = reading.fleet(file, limit)
    opened = reading.hosts(loaded, world, folder)
    with reading.journal(journal) as log, reading.world(opened) as runner:
        return carry_out(Desk(output, runner, opened, log, loaded), Order(Purpose.ADOPT, yes, take_over))
