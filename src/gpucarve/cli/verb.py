"""What all verbs share: their common options, and how errors that are raised on purpose are told.

Boundary: wraps a verb's function into a click command. The function gets an `Output` and its options, and returns an
exit status. Nothing but click is imported until the function is called, so that `VERB --help` is quick.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    pass

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
limit = click.option(
    "--limit", multiple=True, metavar="NAME",
    help="Only this HOST, SITE/HOST or POOL of the document; may be given again.",
)  # fmt: skip
yes = click.option("--yes", is_flag=True, help="Approve the plan without being asked.")
take_over = click.option(
    "--take-over", is_flag=True, help="Do not wait for a controller that holds a host; only when it is dead."
)
_FORMS: dict[tuple[str, ...], str] = {
    ("table", "wide", "json"): "Form of the data on standard output; wide tells all of each step of a plan.",
    ("table", "json", "svg"): "Form of the data on standard output; svg is a picture.",
    ("table", "json"): "Form of the data on standard output.",
    ("table", "json", "html"): "Form of the data on standard output; html is a page that needs nothing beside itself.",
}
_USUAL, PICTURED, PLAIN, PAGED = _FORMS


def _output(forms: tuple[str, ...]) -> Callable[[Any], Any]:
    return click.option(
        "-o", "--output", "form", type=click.Choice(forms), default="table", show_default=True, help=_FORMS[forms]
    )  # fmt: skip


def verb(
    name: str, *options: Callable[[Any], Any], forms: tuple[str, ...] = _USUAL
) -> Callable[[Callable[..., int]], click.Command]:
    """Make the command `name` of a function `(output, **options) -> exit status`."""

    def decorate(function: Callable[..., int]) -> click.Command:
        @functools.wraps(function)
        def command(*, form: str, **arguments: Any) -> int:
            from gpucarve.cli.telling import ended

            return ended(form, function, arguments)

        wrapped: Callable[..., Any] = command
        for option in reversed((*options, _output(forms))):
            wrapped = option(wrapped)
        return click.command(name)(wrapped)

    return decorate
