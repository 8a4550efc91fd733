"""`gpucarve discover`."""

from __future__ import annotations

from pathlib import Path

import click

from gpucarve import app, catalog
from gpucarve.app.worlds import open_host, open_world
from gpucarve.calls.programs import Refusal
from gpucarve.cli import reading
from gpucarve.cli.exits import Exit, of_refusals
from gpucarve.cli.misuse import Misuse
from gpucarve.cli.output import Output
from gpucarve.cli.verb import verb, world
from gpucarve.cli.views import discovery
from gpucarve.model.hosts import Target

_file = click.option("-f", "--file", "file", metavar="FLEET", help="Look at every host of this document; - is stdin.")
_host = click.option("--host", metavar="NAME", help="Look at one host: as ssh takes it, or site/name on a twin.")


@verb("discover", _file, _host, world)
def command(output: Output, file: str | None, host: str | None, world: Path | None) -> Exit:
    """Look at hosts and say what is there: kernel, driver, GPUs, vGPUs; writes nothing to them.

    \b
    Example:
      gpucarve discover --host root@gpu-host-1
    """
    opened, targets = _opened(file, host, world)
    with reading.world(opened) as runner:
        answers = runner.run(app.observe(opened, targets))
    known = catalog.load()
    output.data("Discovery", discovery.data(answers, known), discovery.render(answers, known, output.style))
    return of_refusals([answer for answer in answers.values() if isinstance(answer, Refusal)])


def _opened(file: str | None, host: str | None, world: Path | None) -> tuple[app.World, tuple[Target, ...]]:
    if (file is None) == (host is None):
        raise Misuse("say where to look: either --host NAME or -f FLEET")
    if host is not None:
        try:
            opened, target = open_host(host, world)
        except ValueError as error:
            raise Misuse(str(error)) from error
        return opened, (target,)
    loaded, folder = reading.fleet(str(file))
    return open_world(loaded, world, folder), loaded.targets
