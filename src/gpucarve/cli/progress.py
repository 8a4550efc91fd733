"""A run as it goes: a line an event on standard error; on a terminal, below them, a line a host and the counts.

What can be told from the lines around it has none: looking, and, off a terminal, the beginning of a step that takes no
time to speak of.

Boundary: the only place that listens to events. A listener never raises: a terminal that goes away stops no run.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress

import click

from gpucarve.cli.output import Output
from gpucarve.cli.views import events, rollouts
from gpucarve.cli.views.rollouts import Scoreboard
from gpucarve.engine.events import Begun, Emit, Event, Gathered, Queued, StepBegun, TargetEnded
from gpucarve.model.changes import Action
from gpucarve.model.hosts import Target


@contextmanager
def shown(output: Output, targets: Collection[Target]) -> Iterator[Emit]:
    """Show the events of a run on these targets until the block ends."""
    board = Scoreboard(targets)
    with _live(output, board) if sys.stderr.isatty() else _lines(output, board) as emit:
        yield emit


@contextmanager
def _lines(output: Output, board: Scoreboard) -> Iterator[Emit]:
    """A log: who waits for a turn is not in it, and whose turn it is shows by the first stage."""

    def emit(event: Event) -> None:
        board.hear(event)
        with suppress(OSError):
            if _told(event):
                click.echo(events.line(event, output.side), err=True)
            if isinstance(event, TargetEnded) and board.size > 1:
                click.echo(rollouts.counted(board, output.side), err=True)

    yield emit


def _told(event: Event) -> bool:
    if isinstance(event, StepBegun):
        return event.step.action in (Action.REBOOT, Action.WAIT)
    return not isinstance(event, Gathered | Queued | Begun)


@contextmanager
def _live(output: Output, board: Scoreboard) -> Iterator[Emit]:
    """Lines above, a spinner with the hosts under way below."""
    from rich.console import Console  # noqa: PLC0415 - heavy, and for terminals alone
    from rich.text import Text  # noqa: PLC0415 - as above

    console = Console(stderr=True, no_color=not output.side.colour, highlight=False, soft_wrap=True)
    with console.status("looking at the hosts") as status:

        def emit(event: Event) -> None:
            board.hear(event)
            with suppress(OSError):
                if not isinstance(event, StepBegun | Gathered | Queued | Begun):
                    console.print(Text.from_ansi(events.line(event, output.side)))
                status.update(Text("\n".join(board.lines(output.side))))

        yield emit
