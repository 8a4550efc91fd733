"""What is done to a world from the command line."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from tests.cli.conftest import HOST, Cli, Twin

GPU = "0000:65:00.0"


def test_a_guest_is_started_shown_and_stopped(cli: Cli, twin: Twin) -> None:
    assert cli.on_fleet("apply", "--yes").status == 0
    assert cli("twin", "guest", "start", HOST, GPU, "vm-1").status == 0
    assert "used by guest vm-1" in " ".join(cli.on_fleet("status").out.split())
    assert cli("twin", "guest", "stop", HOST, "vm-1").status == 0
    assert "used by" not in cli.on_fleet("status").out


def test_a_rollback_that_would_take_a_guests_vgpu_is_refused_and_names_the_guest(cli: Cli, twin: Twin) -> None:
    assert cli.on_fleet("apply", "--yes").status == 0
    assert cli("twin", "guest", "start", HOST, GPU, "vm-1").status == 0
    refused = cli.on_fleet("rollback", "--yes")
    assert refused.status == 3
    assert "guest vm-1" in refused.out


def test_the_history_of_a_host_is_what_somebody_would_have_typed(cli: Cli, twin: Twin) -> None:
    assert cli("twin", "history", HOST).out == f"{HOST}: nothing was done\n"
    assert cli.on_fleet("apply", "--yes").status == 0
    *told, summary = cli("twin", "history", HOST).out.splitlines()
    done = [line.split()[1:3] for line in told]
    wanted = [
        ["write", "/etc/default/grub"],
        ["update-grub"],
        ["systemctl", "reboot"],
        ["/usr/lib/nvidia/sriov-manage", "-e"],
    ]
    assert [each for each in done if each in wanted] == wanted
    assert "/var/lib/gpucarve" not in " ".join(told)
    assert re.fullmatch(rf"{HOST}: [1-9]\d* commands, 2 files, 1 reboot", summary)
    assert cli("twin", "history", HOST, "--count").out == f"{summary}\n"


def test_looking_leaves_no_history(cli: Cli, twin: Twin) -> None:
    cli.on_fleet("plan")
    cli.on_fleet("status")
    assert cli("twin", "history", HOST).out == f"{HOST}: nothing was done\n"


def test_what_cannot_be_done_to_a_world_is_said_with_what_there_is(cli: Cli, twin: Twin) -> None:
    nowhere = cli("twin", "reboot", "cci1/nowhere")
    assert nowhere.status == 64
    assert f"this world has no host cci1/nowhere; it has {HOST}" in nowhere.err
    nothing = cli("twin", "guest", "start", HOST, GPU, "vm-1")
    assert nothing.status == 64
    assert "has no vGPU that is free" in nothing.err
    assert cli("twin", "guest", "stop", HOST, "vm-1").status == 64


def test_a_second_twin_on_the_same_socket_is_refused_before_it_says_that_it_serves(cli: Cli, twin: Twin) -> None:
    said = cli("twin", "serve", "--socket", twin.socket)
    assert said.status == 64
    assert said.err.startswith(f"error: another twin listens on {twin.socket}\n")


def test_a_host_reboots_by_itself_and_is_back_when_the_command_ends(cli: Cli, twin: Twin) -> None:
    before = json.loads(cli("discover", "--host", HOST, "-o", "json").out)["hosts"][0]["kernel"]["bootId"]
    assert cli("twin", "reboot", HOST).status == 0
    after = json.loads(cli("discover", "--host", HOST, "-o", "json").out)["hosts"][0]["kernel"]["bootId"]
    assert after != before


def test_a_world_is_served_by_its_name_and_another_name_must_be_a_file(cli: Cli, tmp_path: Path) -> None:
    socket = tmp_path / "rocky"
    argv = (sys.executable, "-c", "from gpucarve.cli import main; main()", "twin", "serve", "--socket", str(socket))
    with subprocess.Popen((*argv, "rocky-9"), stderr=subprocess.PIPE, text=True) as served:
        assert served.stderr is not None
        assert "cci2/rocky-a100, cci2/rocky-quadro" in served.stderr.readline()
        served.terminate()
    assert served.returncode == 0
    refused = cli("twin", "serve", "--socket", str(tmp_path / "other"), "rocky-8")
    assert refused.status == 64
    assert "rocky-8 cannot be read" in refused.err
