"""Where a verb's words go: its data to standard output, as text or JSON, all else to standard error.

Boundary: the two streams and what kind of terminal stands behind them.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TextIO

import click

from gpucarve.cli.views import documents
from gpucarve.cli.views.text import Role, Style

_UNBROKEN = 1_000_000


@dataclass(frozen=True, slots=True)
class Output:
    """How one verb prints: the styles of the two streams, whether its data is JSON, whether it says all it knows."""

    as_json: bool
    style: Style
    side: Style
    wide: bool = False
    form: str = "table"

    @classmethod
    def of(cls, form: str) -> Output:
        """For `table`, `wide`, `json` or a form that a verb has besides, on the streams of this process."""
        side = _style(sys.stderr)
        # A log keeps one line for one message, so that it can be searched.
        told = side if sys.stderr.isatty() else replace(side, width=_UNBROKEN)
        return cls(form == "json", _style(sys.stdout), told, wide=form == "wide", form=form)

    def data(self, kind: str, body: Mapping[str, Any], text: str) -> None:
        """The verb's result, in the form that was asked for."""
        click.echo(documents.render(kind, body) if self.as_json else text)

    def page(self, text: str) -> None:
        """A whole page, in place of the data."""
        click.echo(text, nl=False)

    def explain(self, text: str) -> None:
        """What people read before the result; to standard error where the result is JSON."""
        click.echo(text, err=self.as_json)

    def note(self, text: str) -> None:
        """Something beside the data."""
        click.echo("\n".join(self.side.paragraph(text)), err=True)

    def error(self, message: str, hint: str = "") -> None:
        """What went wrong, and the next thing to do."""
        for label, text, role in (("error", message, Role.BAD), ("hint", hint, Role.WARN)):
            if text:
                first = self.side.paint(role, f"{label}:") + " "
                click.echo("\n".join(self.side.paragraph(text, first=first, rest="  ")), err=True)


def _style(stream: TextIO) -> Style:
    colour = stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Style(max(20, min(shutil.get_terminal_size((100, 24)).columns, 120)), colour)
