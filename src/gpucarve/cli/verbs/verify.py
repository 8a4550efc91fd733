"""`gpucarve verify`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpucarve.cli.verb import fleet, limit, verb, world

if TYPE_CHECKING:
    from collections.abc import Collection

    from gpucarve.app import Fleet, World
    from gpucarve.cli.exits import Exit
    from gpucarve.cli.output import Output
    from gpucarve.model.findings import Finding
    from gpucarve.model.hosts import Target


_workload = click.option(
    "--workload", is_flag=True, help="Let every GPU and slice of container pools add vectors, and check the sums."
)


@verb("verify", fleet, limit, world, _workload)
def command(output: Output, file: str, limit: tuple[str, ...], world: Path | None, workload: bool) -> Exit:
    """Check on a fresh look that everything the document asks for stands; writes nothing.

    With --workload a GPU is believed when work ran on it. GPUs that belong to guests have it run there, which is not
    built yet: of them nothing is said.

    \b
    Example:
      gpucarve verify -f fleet.yaml --workload
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
        alive = runner.run(_alive(opened, loaded, found.observed)) if workload else ()
    judged = tuple(sorted((*looking.judged(found), *alive), key=lambda each: each.target))
    text = f"{findings.render(judged, output.style)}\n{findings.summary(judged)}"
    output.data("Findings", documents.findings(judged), text)
    return of_findings(judged, found.refused.values())


async def _alive(world: World, fleet: Fleet, seen: Collection[Target]) -> tuple[Finding, ...]:
    """An answer for each host of a container pool that could be looked at."""
    from gpucarve.app import benches

    targets = [host for host, _, pool in fleet.hosts() if pool.workload == "container" and host in seen]
    return await benches.alive({target: world.host(target) for target in targets})
