"""Calling a verb's function, and telling of the errors that are raised on purpose.

Boundary: from an exception to words and an exit status; our own bugs are `crashes`'.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from gpucarve.cli import crashes
from gpucarve.cli.exits import of_error
from gpucarve.cli.output import Output
from gpucarve.cli.views import diagnostics, documents, findings
from gpucarve.cli.views.text import count
from gpucarve.errors import BugError, DocumentError, GpucarveError, HostError


def ended(form: str, function: Callable[..., int], arguments: Mapping[str, Any]) -> int:
    """The exit status of `function`, called with an output of this form."""
    output = Output.of(form)
    try:
        return int(function(output, **arguments))
    except BugError as error:
        return crashes.report(error)
    except GpucarveError as error:
        tell(error, output)
        return of_error(error)


def tell(error: GpucarveError, output: Output) -> None:
    """Say what went wrong and what to do about it."""
    match error:
        case DocumentError(diagnostics=found):
            if output.as_json:
                output.data("Diagnostics", documents.diagnostics(found), "")
            else:
                click.echo(diagnostics.render(found, output.side), err=True)
            output.error(f"{count(len(found), 'problem')} in the fleet document")
        case HostError(findings=found):
            output.data("Findings", documents.findings(found), findings.render(found, output.style))
            output.error("the host is not in a state to go on from", error.hint)
        case _:
            output.error(str(error), error.hint)
