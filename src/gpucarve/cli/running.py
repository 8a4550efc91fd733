"""The way in: runs the command, and turns whatever ends it into an exit status.

Boundary: what concerns every command alike: wrong usage, an interrupt, a closed pipe, our own bugs. Errors that a verb
raises on purpose are told by `verb`.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from gpucarve.cli.commands import root
from gpucarve.cli.misuse import Misuse

_USAGE, _INTERRUPTED, _PIPE = 64, 130, 141  # as in `exits`, which is not imported for `--help`


def main() -> NoReturn:
    """The `gpucarve` command."""
    status = run(sys.argv[1:])
    try:
        sys.stderr.flush()
    except OSError:  # nobody reads it any more, which changes nothing of what was done
        _silence(sys.stderr)
    sys.exit(status)


def run(arguments: Sequence[str]) -> int:
    """Run the command to its exit status. Raises nothing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        status = root.main(list(arguments), prog_name="gpucarve", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return _USAGE
    except click.ClickException as error:
        click.echo(f"error: {error.format_message()}", err=True)
        click.echo(f"hint: {_hint(error)}", err=True)
        return _USAGE
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return _INTERRUPTED
    except SystemExit:  # click's answer to a reader that went away
        return _PIPE
    except BrokenPipeError:
        _silence(sys.stdout)
        return _PIPE
    except Exception as error:
        from gpucarve.cli.crashes import report  # noqa: PLC0415 - only ever needed here

        return report(error)
    return int(status or 0)


def _hint(error: click.ClickException) -> str:
    path = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "gpucarve"
    return error.hint if isinstance(error, Misuse) and error.hint else f"`{path} --help` shows how it is used"


def _silence(stream: object) -> None:
    """Let what is still buffered go nowhere, or the interpreter complains when it ends."""
    if isinstance(stream, io.TextIOWrapper):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
