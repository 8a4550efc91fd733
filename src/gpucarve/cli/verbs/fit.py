"""`gpucarve fit`: the best cut of GPUs for a demand, with a proof, or why there is none.

Boundary: words of the command line to a demand and a supply; the search is `layout.fitting`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gpucarve.cli.misuse import Misuse
from gpucarve.cli.verb import PICTURED, limit, verb, world

if TYPE_CHECKING:
    from gpucarve.catalog import Catalog, GpuModel
    from gpucarve.cli.exits import Exit
    from gpucarve.cli.output import Output
    from gpucarve.cli.views.fits import Fit
    from gpucarve.layout.fitting.demand import Demand, Request
    from gpucarve.layout.fitting.supply import Supply
    from gpucarve.model.mig import MigProfileName

_OBJECTIVES = ("fewest-gpus", "fewest-moves", "fewest-drained-nodes", "least-stranded")
_MOST = 1_000_000
_file = click.option(
    "-f", "--file", "file", metavar="FLEET", help="Fit to the GPUs of this document's hosts, as they are now."
)
_gpu = click.option("--gpu", "gpus", multiple=True, metavar="MODEL=COUNT", help="GPUs to think of; may be given again.")
_want = click.option(
    "--want", "wants", multiple=True, metavar="WHAT[@TENANT]=COUNT",
    help="A MIG profile, a vGPU type, a size and series (8Gi/Q), whole or passthrough; may be given again.",
)  # fmt: skip
_standing = click.option(
    "--standing", multiple=True, metavar="GPU=PROFILE@SLICE,...",
    help="What stands on a GPU (numbered from 0) already, and is part of what is wanted; may be given again.",
)  # fmt: skip
_stay = click.option("--no-moves", is_flag=True, help="Nothing that stands may move.")
_objective = click.option(
    "--objective", "objectives", multiple=True, type=click.Choice(_OBJECTIVES),
    help="What counts, the most important first; fewest-gpus unless given.",
)  # fmt: skip
_grain = click.option(
    "--grain", type=click.Choice(["instance", "gpu", "node"]), default="instance", show_default=True,
    help="The smallest thing that the platform rebuilds for a change.",
)  # fmt: skip
_per_node = click.option("--per-node", type=click.IntRange(1, 64), default=1, help="GPUs of a model in each node.")
_uniform = click.option("--uniform", is_flag=True, help="All GPUs of a node are to be cut alike.")
_spare = click.option("--spare-gpus", type=click.IntRange(0), default=0, help="GPUs that have to stay unused.")
_limit = click.option(
    "--time-limit", type=click.FloatRange(0.1, 86400), default=60.0, show_default=True, metavar="SECONDS",
    help="How long to search; then the best that was found is shown with its gap.",
)  # fmt: skip


@dataclass(frozen=True)
class _Given:
    """The words of one command line."""

    file: str | None
    limit: tuple[str, ...]
    world: Path | None
    gpus: tuple[str, ...]
    wants: tuple[str, ...]
    standing: tuple[str, ...]
    no_moves: bool
    objectives: tuple[str, ...]
    grain: str
    per_node: int
    uniform: bool
    spare_gpus: int
    time_limit: float


_OPTIONS = (_file, limit, world, _gpu, _want, _standing, _stay, _objective, _grain, _per_node, _uniform, _spare, _limit)


@verb("fit", *_OPTIONS, forms=PICTURED)
def command(output: Output, **words: Any) -> Exit:
    """Find the best cut of GPUs for a demand, prove it, or say exactly why there is none.

    GPUs are thought of (--gpu), or those of a document's hosts with what stands there (-f); then its pools' demands are
    fitted, or what is given with --want. Writes nothing. Ends with 3 where something does not fit.

    \b
    Example:
      gpucarve fit --gpu A100-SXM4-80GB=8 --want 3g.40gb=5 --want 1g.10gb=9
    """
    given = _Given(**words)
    return _of_fleet(given, given.file, output) if given.file else _thought_of(given, output)


def _thought_of(given: _Given, output: Output) -> Exit:
    from gpucarve.cli.views import fits

    if not given.gpus or not given.wants:
        hint = "such as --gpu A100-SXM4-80GB=8 --want 3g.40gb=5, or -f with a fleet document"
        raise Misuse("fit needs GPUs and a demand", hint)
    demand, supply = _question(given)
    told = _fitted(demand, supply, given.time_limit)
    text = fits.svg(told) if output.form == "svg" else fits.render(told, output.style)
    output.data("Fit", fits.data(told), text)
    return _status([told])


def _of_fleet(given: _Given, file: str, output: Output) -> Exit:
    from gpucarve import app
    from gpucarve.cli import reading
    from gpucarve.cli.views import fits
    from gpucarve.errors import HostError

    if given.gpus or given.standing:
        raise Misuse("--gpu and --standing think of GPUs, -f looks at those of hosts", "give one or the other")
    fleet, folder = reading.fleet(file, given.limit)
    asked = _wanted(given) if given.wants else None
    opened = reading.hosts(fleet, given.world, folder)
    with reading.world(opened) as runner:
        questions = runner.run(app.questions(opened, fleet, asked))
    if not questions:
        raise Misuse("no pool that is meant has a `demand`", "say what is wanted with --want")
    if findings := [each for question in questions for each in question.findings]:
        raise HostError(findings)
    told = [(f"{q.site}, pool {q.pool}", _fitted(q.demand, q.supply, given.time_limit)) for q in questions]
    if output.form == "svg" and len(told) > 1:
        raise Misuse("a picture shows one pool", "name it with --limit")
    text = fits.svg(told[0][1]) if output.form == "svg" else fits.render_all(told, output.style)
    output.data("Fits", {"pools": [{"pool": name, **fits.data(each)} for name, each in told]}, text)
    return _status([each for _, each in told])


def _fitted(demand: Demand, supply: Supply, time_limit: float) -> Fit:
    from gpucarve.cli.views.fits import Fit
    from gpucarve.layout.fitting import refusals, solving

    try:
        answer = solving.fit(demand, supply, time_limit)
    except solving.NoSolver as error:
        raise Misuse(str(error), "pip install 'gpucarve[fit]'") from error
    refusal = None if answer.fits else refusals.explain(demand, supply, answer, time_limit)
    return Fit(demand, supply, answer, refusal)


def _status(told: Sequence[Fit]) -> Exit:
    from gpucarve.cli.exits import Exit

    return Exit.DONE if all(each.answer.fits for each in told) else Exit.CHECK


def _wanted(given: _Given) -> Demand:
    """What --want asks for."""
    from gpucarve.layout.fitting.demand import Demand, Objective

    ranked = tuple(Objective(each) for each in dict.fromkeys(given.objectives)) or (Objective.FEWEST_GPUS,)
    return Demand(_requests(given.wants), ranked, given.spare_gpus)


def _question(given: _Given) -> tuple[Demand, Supply]:
    """The demand and the supply that are thought of."""
    from gpucarve import catalog
    from gpucarve.layout.fitting import wishes
    from gpucarve.layout.fitting.supply import Grain, Node

    known = catalog.load()
    stock = [_gpus(each, known) for each in given.gpus]
    demand = _wanted(given)
    node = Node(Grain(given.grain), uniform=given.uniform)
    empty = wishes.supply(stock, demand.requests, known, of_a_node=given.per_node, node=node)
    return demand, _occupied(empty, given.standing, stays=given.no_moves)


def _gpus(text: str, known: Catalog) -> tuple[GpuModel, int]:
    name, count = _counted(text, "--gpu", "A100-SXM4-80GB=8")
    found = known.gpus_called(name)
    if len(found) == 1:
        return found[0], count
    if found:
        raise Misuse(f"{name} is {' and '.join(each.id for each in found)}", "name one of them")
    near = " or ".join(known.suggest_gpu(name))
    raise Misuse(f"there is no GPU model {name}", f"did you mean {near}?" if near else "see `gpucarve catalog gpus`")


def _requests(wants: tuple[str, ...]) -> tuple[Request, ...]:
    from gpucarve.layout.fitting import wishes
    from gpucarve.layout.fitting.demand import Request

    found = []
    for text in wants:
        word, count = _counted(text, "--want", "3g.40gb=5")
        what, _, tenant = word.partition("@")
        try:
            found.append(Request(wishes.asked(what), count, tenant))
        except ValueError as error:
            raise Misuse(str(error), "see `gpucarve catalog mig` and `gpucarve catalog vgpu`") from error
    return tuple(found)


def _counted(text: str, option: str, example: str) -> tuple[str, int]:
    name, _, number = text.rpartition("=")
    if not name or not number.isascii() or not number.isdigit() or not 0 < int(number[:8]) <= _MOST:
        raise Misuse(f"{option} {text} is no NAME=COUNT, with a count from 1 to {_MOST}", f"write {option} {example}")
    return name, int(number)


def _occupied(supply: Supply, texts: tuple[str, ...], *, stays: bool) -> Supply:
    from gpucarve.layout.fitting import wishes

    there: dict[int, list[tuple[MigProfileName, int]]] = {}
    for text in texts:
        there.update(_there(text))
    try:
        return wishes.occupied(supply, there, stays=stays)
    except ValueError as error:
        raise Misuse(str(error), "`gpucarve catalog mig` says where a profile may stand") from error


def _there(text: str) -> dict[int, list[tuple[MigProfileName, int]]]:
    from gpucarve.model.mig import MigProfileName

    number, _, spots = text.partition("=")
    found = []
    try:
        for spot in spots.split(","):
            name, _, start = spot.partition("@")
            found.append((MigProfileName.parse(name), int(start)))
        return {int(number): found}
    except ValueError as error:
        raise Misuse(f"--standing {text} is no GPU=PROFILE@SLICE", "write --standing 0=1g.10gb@0,1g.10gb@5") from error
