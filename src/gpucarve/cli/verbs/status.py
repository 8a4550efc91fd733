"""`gpucarve status`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gpucarve.cli.verb import fleet, journal, limit, verb, world

if TYPE_CHECKING:
    from gpucarve.cli.exits import Exit
    from gpucarve.cli.output import Output
    from gpucarve.journal.store import Run


@verb("status", fleet, limit, world, journal)
def command(output: Output, file: str, limit: tuple[str, ...], world: Path | None, journal: Path | None) -> Exit:
    """Show each GPU with its slices drawn, who works on its host, and a run that was cut off.

    Writes nothing. In the drawing each vGPU is as wide as its share of the GPU; dots are free.

    \b
    Example:
      gpucarve status -f fleet.yaml
    """
    from gpucarve import app, catalog
    from gpucarve.calls.programs import Refusal
    from gpucarve.cli import places, reading
    from gpucarve.cli.exits import of_refusals
    from gpucarve.cli.views import status

    loaded, folder = reading.fleet(file, limit)
    run = _unfinished(journal or places.journal(), loaded.name, output)
    opened = reading.hosts(loaded, world, folder)
    with reading.world(opened) as runner:
        answers = runner.run(app.observe(opened, loaded.targets))
    known = catalog.load()
    output.data("Status", status.data(answers, run, known), status.render(answers, run, known, output.style))
    return of_refusals([answer for answer in answers.values() if isinstance(answer, Refusal)])


def _unfinished(path: Path, name: str, output: Output) -> Run | None:
    """The run of any purpose that was cut off; a journal that is not there is not made."""
    from gpucarve.cli import reading
    from gpucarve.errors import PlanError

    if not path.exists():
        return None
    with reading.journal(path) as opened:
        try:
            return opened.unfinished(name)
        except PlanError as error:
            output.note(f"A run of this fleet was cut off, and cannot be shown: {error}.")
            return None
