"""`gpucarve preflight`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gpucarve.cli.verb import fleet, limit, verb, world

if TYPE_CHECKING:
    from gpucarve.cli.exits import Exit
    from gpucarve.cli.output import Output


@verb("preflight", fleet, limit, world)
def command(output: Output, file: str, limit: tuple[str, ...], world: Path | None) -> Exit:
    """Say what stands in the way of the document on each host, with the fix; writes nothing.

    `plan` and `apply` ask the same, and so does every stage of a run before it begins.

    \b
    Example:
      gpucarve preflight -f fleet.yaml
    """
    from gpucarve import app
    from gpucarve.cli import reading
    from gpucarve.cli.exits import of_findings
    from gpucarve.cli.views import documents, findings
    from gpucarve.cli.views.text import count
    from gpucarve.plan.plans import Purpose

    loaded, folder = reading.fleet(file, limit)
    opened = reading.hosts(loaded, world, folder)
    with reading.world(opened) as runner:
        found = runner.run(app.survey(opened, loaded, Purpose.APPLY))
    judged = tuple(sorted((*found.problems, *found.warnings), key=lambda each: each.target))
    text = (
        findings.render(judged, output.style)
        if judged
        else f"Nothing stands in the way on {count(len(found.observed), 'host')}."
    )
    output.data("Findings", documents.findings(judged), text)
    return of_findings(judged, found.refused.values())
