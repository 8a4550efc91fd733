"""`gpucarve discover`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpucarve.cli.misuse import Misuse
from gpucarve.cli.verb import limit, verb, world

if TYPE_CHECKING:
    from gpucarve.app import World
    from gpucarve.cli.exits import Exit
    from gpucarve.cli.output import Output
    from gpucarve.model.hosts import Target

_file = click.option("-f", "--file", "file", metavar="FLEET", help="Look at every host of this document; - is stdin.")
_host = click.option("--host", metavar="NAME", help="Look at one host: as ssh takes it, or site/name on a twin.")


@verb("discover", _file, _host, limit, world)
def command(output: Output, file: str | None, host: str | None, limit: tuple[str, ...], world: Path | None) -> Exit:
    """Look at hosts and say what is there: kernel, driver, GPUs, vGPUs; writes nothing to them.

    \b
    Example:
      gpucarve discover --host root@gpu-host-1
    """
    from gpucarve import app, catalog
    from gpucarve.calls.programs import Refusal
    from gpucarve.cli import reading
    from gpucarve.cli.exits import of_refusals
    from gpucarve.cli.views import discovery

    opened, targets = _opened(file, host, limit, world)
    with reading.world(opened) as runner:
        answers = runner.run(app.observe(opened, targets))
    known = catalog.load()
    output.data("Discovery", discovery.data(answers, known), discovery.render(answers, known, output.style))
    return of_refusals([answer for answer in answers.values() if isinstance(answer, Refusal)])


def _opened(
    file: str | None, host: str | None, limit: tuple[str, ...], world: Path | None
) -> tuple[World, tuple[Target, ...]]:
    from gpucarve.cli import reading

    if (file is None) == (host is None):
        hint = "for all hosts of a document: gpucarve discover -f fleet.yaml; for one: gpucarve discover --host NAME"
        raise Misuse("say where to look: either --host NAME or -f FLEET", hint)
    if host is not None and limit:
        raise Misuse("--host names the one host already", "use --limit with -f FLEET")
    if host is not None:
        opened, target = reading.host(host, world)
        return opened, (target,)
    loaded, folder = reading.fleet(str(file), limit)
    return reading.hosts(loaded, world, folder), loaded.targets
