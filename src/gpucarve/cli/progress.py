"""A run as it goes: a line an event on standard error, and on a terminal what is under way below them.

What can be told from the lines around it has none: looking, and, off a terminal, the beginning of a step that takes no
time to speak of.

Boundary: the only place that listens to events. A listener never raises: a terminal that goes away stops no run.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import click

from gpucarve.cli.output import Output
from gpucarve.cli.views import events
from gpucarve.engine.events import Emit, Event, Gathered, StepBegun, StepEnded
from gpucarve.model.changes import Action, DisruptionKind
from gpucarve.model.hosts import ResourceKey


@contextmanager
def shown(output: Output) -> Iterator[Emit]:
    """Show events until the block ends."""
    with _live(output) if sys.stderr.isatty() else _lines(output) as emit:
        yield emit


@contextmanager
def _lines(output: Output) -> Iterator[Emit]:
    def emit(event: Event) -> None:
        if _told(event):
            with suppress(OSError):
                click.echo(events.line(event, output.side), err=True)

    yield emit


def _told(event: Event) -> bool:
    if isinstance(event, StepBegun):
        return event.step.action is Action.WAIT or event.step.disruption.kind is not DisruptionKind.NONE
    return not isinstance(event, Gathered)


@contextmanager
def _live(output: Output) -> Iterator[Emit]:
    """Lines above, a spinner with the steps under way below."""
    from rich.console import Console  # noqa: PLC0415 - heavy, and for terminals alone
    from rich.text import Text  # noqa: PLC0415 - as above

    console = Console(stderr=True, no_color=not output.side.colour, highlight=False, soft_wrap=True)
    under_way: dict[ResourceKey, str] = {}
    with console.status("looking at the hosts") as status:

        def emit(event: Event) -> None:
            if isinstance(event, StepBegun):
                under_way[event.step.key] = events.doing(event.step)
            elif isinstance(event, StepEnded):
                under_way.pop(event.step.key, None)
            with suppress(OSError):
                if not isinstance(event, StepBegun | Gathered):
                    console.print(Text.from_ansi(events.line(event, output.side)))
                status.update(Text("; ".join(under_way.values()) or "looking at the hosts"))

        yield emit
