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
_local = click.option("--local", is_flag=True, help="Look at this machine; without root some of it cannot be known.")


@verb("discover", _file, _host, _local, limit, world)
def command(
    output: Output, file: str | None, host: str | None, local: bool, limit: tuple[str, ...], world: Path | None
) -> Exit:
    """Look at hosts and say what is there: kernel, firmware, driver, GPUs and who uses them; writes nothing to them.

    \b
    Example:
      gpucarve discover --host root@gpu-host-1
    """
    from gpucarve import app, catalog
    from gpucarve.calls.programs import Refusal
    from gpucarve.cli import reading
    from gpucarve.cli.exits import of_refusals
    from gpucarve.cli.views import discovery

    _check_one_place(file, host, limit, local=local)
    opened, targets = _this_machine(world) if local else _opened(file, host, limit, world)
    with reading.world(opened) as runner:
        answers = runner.run(app.observe(opened, targets))
    known = catalog.load()
    output.data("Discovery", discovery.data(answers, known), discovery.render(answers, known, output.style))
    return of_refusals([answer for answer in answers.values() if isinstance(answer, Refusal)])


def _check_one_place(file: str | None, host: str | None, limit: tuple[str, ...], *, local: bool) -> None:
    if (file is not None) + (host is not None) + local != 1:
        hint = "for all hosts of a document: gpucarve discover -f fleet.yaml; for one: gpucarve discover --host NAME"
        raise Misuse("say where to look: --host NAME, -f FLEET or --local, and one of them", hint)
    if file is None and limit:
        raise Misuse(f"{'--local' if local else '--host'} names the one host already", "use --limit with -f FLEET")


def _this_machine(world: Path | None) -> tuple[World, tuple[Target, ...]]:
    from gpucarve.app.worlds import LocalWorld

    if world is not None:
        raise Misuse("--local is this machine, and --world names a twin", "give one of them; GPUCARVE_WORLD counts too")
    return LocalWorld(), (LocalWorld.target,)


def _opened(
    file: str | None, host: str | None, limit: tuple[str, ...], world: Path | None
) -> tuple[World, tuple[Target, ...]]:
    from gpucarve.cli import reading

    if host is not None:
        opened, target = reading.host(host, world)
        return opened, (target,)
    loaded, folder = reading.fleet(str(file), limit)
    return reading.hosts(loaded, world, folder), loaded.targets
