"""Nothing is changed that nobody approved."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys

from gpucarve.model.hosts import Target
from tests.cli.conftest import HOST, Cli, Twin

TARGET = Target.parse(HOST)
_INTERRUPT = "\x03"

# The command with its standard input as controlling terminal, so that ^C becomes an interrupt.
_ON_TERMINAL = """
import fcntl, runpy, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
runpy.run_module("gpucarve", run_name="__main__")
"""


def test_without_a_terminal_and_without_yes_nothing_is_begun(cli: Cli, twin: Twin) -> None:
    said = cli.on_fleet("apply")
    assert said.status == 64
    assert "--yes" in said.err
    assert _written(twin) == 0


def test_a_no_changes_nothing(cli: Cli, twin: Twin) -> None:
    status, shown = _typed(cli, "n\n")
    assert re.search(r"Apply this \(\d+ steps on 1 host, 1 reboot\)\? \[y/N\]", shown)
    assert "Nothing was changed." in shown
    assert status == 1
    assert _written(twin) == 0


def test_a_yes_applies_and_shows_what_is_under_way(cli: Cli, twin: Twin) -> None:
    status, shown = _typed(cli, "y\n")
    assert status == 0
    assert "Applied: 1 host." in shown
    assert "create virtual-functions 0000:65:00.0: \x1b[32mdone\x1b[0m" in shown


def test_no_colours_are_used_where_they_are_not_wanted(cli: Cli, twin: Twin) -> None:
    status, shown = _typed(cli, "y\n", NO_COLOR="1")
    assert status == 0
    assert "create virtual-functions 0000:65:00.0: done" in shown
    assert "\x1b[3" not in shown


def test_an_interrupt_at_the_question_changes_nothing(cli: Cli, twin: Twin) -> None:
    status, _ = _typed(cli, _INTERRUPT)
    assert status == 130
    assert _written(twin) == 0


def _written(twin: Twin) -> int:
    return int(twin.do(lambda world: world.admin(TARGET).counts())["after write"])


def _typed(cli: Cli, answer: str, **settings: str) -> tuple[int, str]:
    """Apply on a terminal of its own; `answer` is typed when the question has come."""
    ours, theirs = pty.openpty()
    argv = [sys.executable, "-c", _ON_TERMINAL, "apply", "-f", str(cli.fleet)]
    process = subprocess.Popen(
        argv,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", **settings},
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""
    silent = 0
    while silent < 60:
        if not select.select([ours], [], [], 1)[0]:
            silent += 1
            if answer == _INTERRUPT and b"[y/N]" in shown:
                os.write(ours, answer.encode())  # one that came just before the reading of the answer began is lost
            continue
        try:
            read = os.read(ours, 65536)
        except OSError:  # how a terminal says that its other end is closed
            break
        asked = b"[y/N]" in shown
        shown += read
        if not asked and b"[y/N]" in shown:
            os.write(ours, answer.encode())
    os.close(ours)
    return process.wait(), shown.decode()
