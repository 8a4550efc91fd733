"""A run that was cut off is gone on with by the same command, without asking again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gpucarve.model.hosts import Target
from tests.cli.conftest import HOST, Cli, Twin

TARGET = Target.parse(HOST)


def test_a_killed_apply_is_shown_by_status_and_gone_on_with_without_asking(cli: Cli, twin: Twin) -> None:
    said = _cut_off(cli, twin, signal.SIGKILL)
    assert said[0] == -signal.SIGKILL
    status = cli.on_fleet("status").out
    assert "was cut off; `gpucarve apply` goes on with it" in " ".join(status.split())
    assert "driver 525.105.14, held by controller" in status
    twin.do(lambda world: world.admin(TARGET).pace(0))
    resumed = cli.on_fleet("apply")
    assert resumed.status == 0
    assert resumed.err.startswith("Going on with run ")
    assert "6 checks: 6 as wanted" in resumed.out
    assert "was cut off" not in cli.on_fleet("status").out


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_pauses_after_the_step_under_way_and_the_same_command_goes_on(
    cli: Cli, twin: Twin, how: signal.Signals
) -> None:
    status, err = _cut_off(cli, twin, how)
    assert status == 5
    assert "Pausing: hosts under way end the step they are in." in err
    assert "change kernel-arguments: done" in err
    assert "reboot" not in err
    assert "Paused. Run the same command again: it goes on where this run was." in err
    assert "nobody at work" in cli.on_fleet("status").out
    twin.do(lambda world: world.admin(TARGET).pace(0))
    resumed = cli.on_fleet("apply")
    assert resumed.status == 0
    assert resumed.err.startswith("Going on with run ")
    assert "change kernel-arguments" not in resumed.err


def test_a_second_interrupt_ends_the_run_at_once_with_130_and_it_can_be_gone_on_with(cli: Cli, twin: Twin) -> None:
    status, err = _cut_off(cli, twin, signal.SIGINT, again=True)
    assert status == 130
    assert "change kernel-arguments: done" not in err
    assert "Run the same command again: it goes on where this run was." in err
    twin.do(lambda world: world.admin(TARGET).pace(0))
    assert cli.on_fleet("apply").status == 0


def test_a_run_for_another_document_is_not_gone_on_with(cli: Cli, twin: Twin) -> None:
    _cut_off(cli, twin, signal.SIGKILL)
    twin.do(lambda world: world.admin(TARGET).pace(0))
    cli.fleet.write_text(cli.fleet.read_text().replace("A100D-40C: 2", "A100D-40C: 1"))
    said = cli.on_fleet("apply")
    assert said.status == 64
    assert "Going on" not in said.err


def test_a_saved_plan_that_was_cut_off_is_gone_on_with_as_the_same_run(cli: Cli, twin: Twin) -> None:
    plan = cli.folder / "plan.json"
    cli.on_fleet("plan", "--out", plan)
    _cut_off(cli, twin, signal.SIGKILL, plan)
    twin.do(lambda world: world.admin(TARGET).pace(0))
    said = cli.on_fleet("apply", plan)
    assert said.status == 0
    assert said.err.startswith("Going on with run ")


def test_another_controller_watches_the_dead_ones_lease_and_takes_over(cli: Cli, twin: Twin) -> None:
    _cut_off(cli, twin, signal.SIGKILL)
    twin.do(lambda world: world.admin(TARGET).pace(0))
    said = cli.on_fleet("apply", "--yes", "--journal", cli.folder / "other.sqlite3")
    assert said.status == 0
    assert "holds the lease; watching it for" in said.err


def test_a_controller_that_is_told_to_take_over_does_not_wait(cli: Cli, twin: Twin) -> None:
    _cut_off(cli, twin, signal.SIGKILL)
    twin.do(lambda world: world.admin(TARGET).pace(0))
    said = cli.on_fleet("apply", "--yes", "--take-over", "--journal", cli.folder / "other.sqlite3")
    assert said.status == 0
    assert "watching" not in said.err


def _cut_off(cli: Cli, twin: Twin, how: signal.Signals, *arguments: Path, again: bool = False) -> tuple[int, str]:
    """Begin an apply on a slow host and send it a signal in its first write, and the same `again` once it was heard;
    status and what it said."""
    twin.do(lambda world: world.admin(TARGET).pace(0.5))
    log: Path = cli.folder / "said"
    argv = [sys.executable, "-m", "gpucarve", "apply", "--yes", "-f", str(cli.fleet), *map(str, arguments)]
    with log.open("w") as file:
        process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=file, env=os.environ.copy())
        while twin.do(lambda world: world.admin(TARGET).counts())["before write"] == 0:
            assert process.poll() is None, log.read_text()
            time.sleep(0.02)
        process.send_signal(how)
        while again and "Pausing" not in log.read_text():
            time.sleep(0.02)
        if again:
            process.send_signal(how)
        return process.wait(), log.read_text()
