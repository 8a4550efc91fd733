"""`gpucarve plan`."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gpucarve.cli.misuse import Misuse
from gpucarve.cli.verb import fleet, limit, verb, world

if TYPE_CHECKING:
    from gpucarve.cli.exits import Exit
    from gpucarve.cli.output import Output

_out = click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE", help="Save the plan, to apply it as it is."
)
_detailed = click.option("--detailed-exitcode", is_flag=True, help="End with 2 when there is something to change.")


@verb("plan", fleet, limit, world, _out, _detailed)
def command(
    output: Output,
    file: str,
    limit: tuple[str, ...],
    world: Path | None,
    out: Path | None,
    detailed_exitcode: bool,
) -> Exit:
    """Show what apply would change, and why; writes nothing to any host.

    \b
    Example:
      gpucarve plan -f fleet.yaml --out plan.json
    """
    from gpucarve import app
    from gpucarve.cli import looking, reading
    from gpucarve.cli.exits import Exit
    from gpucarve.cli.views import plans
    from gpucarve.plan import codec
    from gpucarve.plan.plans import Purpose

    loaded, folder = reading.fleet(file, limit)
    opened = reading.hosts(loaded, world, folder)
    with reading.world(opened) as runner:
        found = runner.run(app.survey(opened, loaded, Purpose.APPLY))
    plan = found.offer.plan
    if found.refused_as_a_whole:
        if plan.stages and not output.as_json:
            output.explain(f"{plans.render(plan, output.style)}\n")
        return looking.refuse(found, output)
    looking.warn(found, output)
    data = codec.to_data(plan)
    output.data(data["kind"], data, plans.render(plan, output.style, wide=output.wide))
    if out:
        _save(data, out)
        output.note(f"Saved; apply it with: {shlex.join(('gpucarve', 'apply', '-f', file, str(out)))}")
    return Exit.PENDING if detailed_exitcode and plan.stages else Exit.DONE


def _save(data: dict[str, Any], out: Path) -> None:
    try:
        out.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        hint = "name a file in a folder that is there and that you may write to"
        raise Misuse(f"{out} cannot be written: {error.strerror}", hint) from error
