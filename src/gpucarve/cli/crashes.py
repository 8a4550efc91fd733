"""Our own bugs: one line for the user, the traceback in a file.

Boundary: writes that file and nothing else. A traceback holds names and lines of code, not values.
"""

from __future__ import annotations

import os
import tempfile
import traceback
from pathlib import Path

import click

from gpucarve import __version__
from gpucarve.cli.places import state
from gpucarve.cli.views.text import printable


def report(error: BaseException) -> int:
    """Say what happened and where the details are; the exit status."""
    text = f"gpucarve {__version__}\n\n" + "".join(traceback.format_exception(error))
    click.echo(f"error: gpucarve itself failed: {type(error).__name__}: {printable(str(error))[:300]}", err=True)
    click.echo(f"hint: this is a bug; please report it with {_keep(text)}", err=True)
    return 1


def _keep(text: str) -> Path:
    try:
        state().mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(".txt", "crash-", state())
    except OSError:
        descriptor, name = tempfile.mkstemp(".txt", "gpucarve-crash-")
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)
    return Path(name)
