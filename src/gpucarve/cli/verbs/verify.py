"""`gpucarve verify`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gpucarve.cli.verb import fleet, limit, verb, world

if TYPE_CHECKING:
    from gpucarve.cli.exits import Exit
    from gpucarve.cli.output import Output


@verb("verify", fleet, limit, world)
def command(output: Output, file: str, limit: tuple[str, ...], world: Path | None) -> Exit:
    """Check on a fresh look that everything the document asks for stands; writes nothing.

    \b
    Example:
      gpucarve verify -f fleet.yaml
    """
    from gpucarve import app
    from gpucarve.cli import looking, reading
    from gpucarve.cli.exits import of_findings
    from gpucarve.cli.views import documents, findings
    from gpucarve.plan.plans import Purpose

    loaded, folder = reading.fleet(file, limit)
    opened = reading.hosts(loaded, world, folder)
    with reading.world(opened) as runner:
        found = runner.run(app.survey(opened, loaded, Purpose.APPLY))
    judged = looking.judged(found)
    text = f"{findings.render(judged, output.style)}\n{findings.summary(judged)}"
    output.data("Findings", documents.findings(judged), text)
    return of_findings(judged, found.refused.values())
