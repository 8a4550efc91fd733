"""From a bare host to two vGPUs and back, by the command alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gpucarve.calls.primitives import Disown
from gpucarve.model.hosts import Target
from tests.cli.conftest import HOST, Cli, Twin

Golden = Callable[[str, str], None]


def test_a_bare_host_is_discovered_planned_applied_verified_and_rolled_back(
    cli: Cli, twin: Twin, golden: Golden
) -> None:
    golden("discover-bare", cli("discover", "--host", HOST).out)
    golden("status-bare", cli.on_fleet("status").out)
    golden("plan-bare", cli.on_fleet("plan").out)
    golden("plan-wide", cli.on_fleet("plan", "-o", "wide").out)
    applied = cli.on_fleet("apply", "--yes")
    assert applied.status == 0
    golden("apply-result", applied.out.partition("it is undone\n")[2])
    golden("apply-events", applied.err)
    golden("status-applied", cli.on_fleet("status").out)
    verified = cli.on_fleet("verify")
    assert verified.status == 0
    golden("verify-applied", verified.out)
    back = cli.on_fleet("rollback", "--yes")
    assert back.status == 0
    assert back.out.endswith("Rolled back: 1 host.\n")
    golden("status-bare", cli.on_fleet("status").out)


@pytest.mark.parametrize("verb", ["plan", "status", "discover", "verify"])
def test_a_terminal_of_forty_columns_shows_every_word_whole(
    cli: Cli, twin: Twin, verb: str, golden: Golden, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = cli.on_fleet(verb).out
    monkeypatch.setenv("COLUMNS", "40")
    narrow = cli.on_fleet(verb).out
    golden(f"{verb}-narrow", narrow)
    assert _words(wide) <= _words(narrow)
    assert all(len(line) <= 40 or len(line.split()) <= 2 for line in narrow.splitlines())


def _words(text: str) -> set[str]:
    """All words; the drawings of GPUs have the width of the terminal."""
    return {word for word in text.split() if not word.startswith("[")}


def test_looking_writes_nothing_to_a_host(cli: Cli, twin: Twin) -> None:
    before = twin.do(lambda world: world.snapshot())
    for verb in ("discover", "plan", "verify", "status"):
        cli.on_fleet(verb)
    after = twin.do(lambda world: world.snapshot())
    assert after["hosts"][HOST]["files"] == before["hosts"][HOST]["files"]


def test_a_second_apply_says_that_nothing_is_to_do_and_starts_no_run(cli: Cli, twin: Twin) -> None:
    assert cli.on_fleet("apply", "--yes").status == 0
    again = cli.on_fleet("apply")
    assert again.status == 0
    assert again.out.startswith("Nothing to do: what the document asks for stands.\n")
    assert again.err == ""


def test_a_vgpu_that_somebody_else_made_is_shown_as_such_and_adopted_on_request(cli: Cli, twin: Twin) -> None:
    assert cli.on_fleet("apply", "--yes").status == 0
    forgotten = Disown("vgpu@0000:65:00.0#A100D-40C.0")
    twin.do(lambda world: world.admin(Target.parse(HOST)).by_hand(forgotten))
    status = " ".join(cli.on_fleet("status").out.split())
    assert status.endswith("1x A100D-40C, 1x A100D-40C (foreign)")
    adopted = cli.on_fleet("adopt", "--yes")
    assert adopted.status == 0
    assert "18676236-88e2-5b11-90d6-4f9202351bb5" in adopted.out
    assert "2x A100D-40C\n" in cli.on_fleet("status").out
