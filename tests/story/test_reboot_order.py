"""A reboot is ordered once a boot, unless nothing came of the order."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpucarve.calls.primitives import WriteFile
from gpucarve.facts import boot
from gpucarve.twin.faults import CommandFails
from tests.story.judging import watch_commands
from tests.story.lab import Lab

pytestmark = pytest.mark.anyio


async def test_an_order_that_died_with_its_program_is_given_again(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    running = (await lab.observed()).require(boot.PROBE).boot_id
    lab.host.by_hand(WriteFile("/run/gpucarve-reboot", running.encode()))
    seen = watch_commands(lab.host)
    assert (await lab.run()).done
    assert await lab.stands()
    assert seen["systemctl", "reboot"] == 1


async def test_an_order_that_was_given_again_in_vain_fails_with_the_tool_s_words(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    running = (await lab.observed()).require(boot.PROBE).boot_id
    lab.host.by_hand(WriteFile("/run/gpucarve-reboot", running.encode()))
    spawn = lab.host.spawn

    def in_vain(argv: tuple[str, ...], parent: int | None = None) -> int:
        if argv == ("systemctl", "reboot"):
            lab.host.strike(CommandFails("systemctl"))
            lab.host.spawn = spawn  # type: ignore[method-assign]  # once
        return spawn(argv, parent)

    lab.host.spawn = in_vain  # type: ignore[method-assign]  # before the tool itself, which other steps ask too
    (ending,) = (await lab.run()).endings.values()
    assert "systemctl reboot ended with 1" in ending.reasons[0]
    assert (await lab.run()).done
