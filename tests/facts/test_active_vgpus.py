"""Which GPU instance a guest's vGPU stands in, by the script that asks and by the parse of what the driver says."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gpucarve.calls.replies import Exited, Failure, FailureKind
from gpucarve.facts import active_vgpus
from gpucarve.facts.active_vgpus import ActiveVgpus
from gpucarve.facts.observed import Unreadable
from tests.transports.shell.shells import every_shell

BACKED, SLICED = "1ba5392c-c61f-4f48-8fb1-4c6b2bbb0673", "330be289-ba3f-4416-8c8a-b46ba7e51284"
SAID = f"""\
GPU 00000000:17:00.0
    Active vGPUs                          : 1
    vGPU ID                               : 3251634190
        VM Name                           : desk-1
        MDEV UUID                         : {SLICED}
        GPU Instance ID                   : N/A
GPU 00000000:65:00.0
    Active vGPUs                          : 1
    vGPU ID                               : 3251634191
        MDEV UUID                         : {BACKED.upper()}
        Guest Driver Version              : N/A
        GPU Instance ID                   : 5
        FB Memory Usage
            Total                         : 20480 MiB
"""


def _parse(text: str, status: int = 0) -> ActiveVgpus:
    return active_vgpus.parse(Exited(status, text.encode()))


def test_the_instance_of_each_active_vgpu_is_known_and_time_sliced_ones_have_none() -> None:
    assert _parse(SAID) == ActiveVgpus({BACKED: 5})


@pytest.mark.parametrize(
    "text", ["", "GPU 00000000:17:00.0\n    Active vGPUs : 0\n", "No supported devices in vGPU mode\n"]
)
def test_where_no_guest_has_one_there_is_none(text: str) -> None:
    assert _parse(text) == ActiveVgpus()


def test_what_the_tool_did_not_say_is_never_taken_for_none() -> None:
    with pytest.raises(Unreadable, match="ended with 9"):
        _parse("", status=9)
    with pytest.raises(Unreadable, match="as 'five'"):
        _parse(SAID.replace(": 5", ": five"))
    with pytest.raises(Unreadable):
        active_vgpus.parse(Failure(FailureKind.TIMED_OUT, "60 s"))


@every_shell
@pytest.mark.parametrize(("devices", "asked"), [((), False), ((SLICED,), True)])
def test_the_tool_is_started_only_where_there_is_a_vgpu(
    tmp_path: Path, shell: tuple[str, ...], devices: tuple[str, ...], asked: bool
) -> None:
    (tmp_path / "sys/bus/mdev/devices").mkdir(parents=True)
    for each in devices:
        (tmp_path / "sys/bus/mdev/devices" / each).mkdir()
    tool = tmp_path / "bin" / "nvidia-smi"
    tool.parent.mkdir()
    tool.write_text('#!/bin/sh\necho "asked $*"\n')
    tool.chmod(0o755)
    argv = (*shell, "-c", active_vgpus.LOOK, "look", str(tmp_path))
    ended = subprocess.run(argv, capture_output=True, check=True, env={"PATH": f"{tool.parent}:/usr/bin:/bin"})
    assert ended.stdout.decode() == ("asked vgpu -q\n" if asked else "")


def test_without_the_tool_there_is_nothing_to_ask(tmp_path: Path) -> None:
    (tmp_path / "sys/bus/mdev/devices" / SLICED).mkdir(parents=True)
    argv = ("/bin/sh", "-c", active_vgpus.LOOK, "look", str(tmp_path))
    ended = subprocess.run(argv, capture_output=True, check=True, env={"PATH": "/nowhere"})
    assert ended.stdout == b""
