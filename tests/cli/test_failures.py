"""What nobody expected is told in a line; what a reader of the output does breaks nothing."""

from __future__ import annotations

import os
import socket as socket_module
import subprocess
import sys

import pytest

from gpucarve import app
from gpucarve.errors import BugError
from tests.cli.conftest import HOST, Cli, Twin


@pytest.mark.parametrize("error", [BugError("a promise was broken"), ZeroDivisionError("a promise was broken")])
def test_a_bug_is_one_line_and_its_traceback_is_in_a_file(
    cli: Cli, twin: Twin, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise error

    monkeypatch.setattr(app, "survey", broken)
    said = cli.on_fleet("plan")
    assert said.status == 1
    assert "a promise was broken" in said.err
    assert "Traceback" not in said.err
    (file,) = (cli.folder / "state" / "gpucarve").glob("crash-*.txt")
    assert str(file) in said.err
    assert "Traceback" in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_reader_that_goes_away_is_no_error(cli: Cli, twin: Twin) -> None:
    command = subprocess.Popen(
        [sys.executable, "-m", "gpucarve", "plan", "-f", cli.fleet],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ.copy(),
    )
    assert command.stdout is not None
    command.stdout.close()
    assert command.stderr is not None
    with command.stderr:
        assert command.stderr.read() == b""
    assert command.wait() == 141


def test_a_run_goes_to_its_end_when_nobody_reads_its_events(cli: Cli, twin: Twin) -> None:
    command = subprocess.Popen(
        [sys.executable, "-m", "gpucarve", "apply", "--yes", "-f", cli.fleet],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ.copy(),
    )
    assert command.stderr is not None
    command.stderr.close()
    assert command.stdout is not None
    with command.stdout:
        shown = command.stdout.read().decode()
    assert command.wait() == 0
    assert "6 checks: 6 as wanted" in shown


def test_a_twin_that_is_not_there_is_named_with_what_to_do(cli: Cli) -> None:
    socket = cli.folder / "nobody"
    said = cli.on_fleet("plan", "--world", socket)
    assert said.status == 69
    assert f"error: no twin listens on {socket}" in said.err
    assert f"gpucarve twin serve --socket {socket}" in said.err
    assert "GPUCARVE_WORLD" in said.err
    assert cli("twin", "reboot", "--socket", socket, HOST).status == 69


def test_a_socket_whose_twin_has_gone_is_told_by_every_verb(cli: Cli) -> None:
    path = cli.folder / "left"
    with socket_module.socket(socket_module.AF_UNIX) as left:
        left.bind(str(path))
    for verb in ("discover", "plan", "apply", "verify", "status", "rollback", "adopt"):
        said = cli.on_fleet(verb, "--world", path)
        assert (said.status, said.out) == (69, "")
        assert f"error: no twin listens on {path}" in said.err


def test_a_twin_can_be_rebooted_and_saved_and_served_again(cli: Cli, twin: Twin) -> None:
    before = cli("twin", "snapshot", "--socket", twin.socket).out
    assert cli("twin", "reboot", "--socket", twin.socket, HOST).status == 0
    assert cli("twin", "snapshot", "--socket", twin.socket).out != before
    assert cli("twin", "reboot", "--socket", twin.socket, "cci1/nobody").status == 64
    world = cli.folder / "world.json"
    world.write_text(before)
    assert cli("twin", "serve", "--socket", twin.socket, world).status == 64
