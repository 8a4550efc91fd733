"""What all verbs share: their common options, and how errors that are raised on purpose are told.

Boundary: wraps a verb's function into a click command. The function gets an `Output` and its options, and returns an
exit status.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from gpucarve.cli import crashes
from gpucarve.cli.exits import of_error
from gpucarve.cli.output import Output
from gpucarve.cli.views import diagnostics, documents, findings
from gpucarve.errors import BugError, DocumentError, GpucarveError, HostError

F = TypeVar("F", bound=Callable[..., Any])
Option = Callable[[F], F]

_PATH = click.Path(path_type=Path)

fleet = click.option("-f", "--file", "file", required=True, metavar="FLEET", help="The fleet document; - is stdin.")
world = click.option(
    "--world", type=_PATH, envvar="GPUCARVE_WORLD", show_envvar=True, metavar="SOCKET",
    help="A twin's socket, instead of the real hosts.",
)  # fmt: skip
journal = click.option(
    "--journal", type=_PATH, envvar="GPUCARVE_JOURNAL", show_envvar=True, metavar="PATH",
    help="Where this controller keeps its journal.",
)  # fmt: skip
yes = click.option("--yes", is_flag=True, help="Approve the plan without being asked.")
take_over = click.option(
    "--take-over", is_flag=True, help="Do not wait for a controller that holds a host; only when it is dead."
)
_output = click.option(
    "-o", "--output", "form", type=click.Choice(["table", "json"]), default="table", show_default=True,
    help="Form of the data on standard output.",
)  # fmt: skip


def verb(name: str, *options: Callable[[Any], Any]) -> Callable[[Callable[..., int]], click.Command]:
    """Make the command `name` of a function `(output, **options) -> exit status`."""

    def decorate(function: Callable[..., int]) -> click.Command:
        @functools.wraps(function)
        def command(*, form: str, **arguments: Any) -> int:
            output = Output.of(form)
            try:
                return int(function(output, **arguments))
            except BugError as error:
                return crashes.report(error)
            except GpucarveError as error:
                tell(error, output)
                return of_error(error)

        wrapped: Callable[..., Any] = command
        for option in reversed((*options, _output)):
            wrapped = option(wrapped)
        return click.command(name)(wrapped)

    return decorate


def tell(error: GpucarveError, output: Output) -> None:
    """Say what went wrong and what to do about it."""
    match error:
        case DocumentError(diagnostics=found):
            if output.as_json:
                output.data("Diagnostics", documents.diagnostics(found), "")
            else:
                click.echo(diagnostics.render(found, output.side), err=True)
            output.error(str(error))
        case HostError(findings=found):
            output.data("Findings", documents.findings(found), findings.render(found, output.style))
            output.error("the host is not in a state to go on from", error.hint)
        case _:
            output.error(str(error), error.hint)
