"""Several hosts by the command alone: limits, hosts that are left out, halts, and what is shown meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from gpucarve.cli.views.rollouts import Scoreboard
from gpucarve.cli.views.text import Style
from gpucarve.engine.events import Begun, Event, Queued, StepBegun, StepEnded, TargetEnded, Waiting
from gpucarve.plan import codec
from gpucarve.twin import client, launch, scenes
from gpucarve.twin.faults import CommandFails, NetworkLoss
from tests.cli.conftest import Cli, Twin
from tests.story.site import document, host, scene

ROLLOUT = "{canary: 1, maxUnavailable: 2, maxFailures: 2}"


@pytest.fixture
def hall(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Iterator[Twin]:
    """A twin of four hosts, and their document."""
    world, socket = cli.folder / "hall.json", cli.folder / "hall"
    world.write_text(scenes.to_text(scene(4)))
    cli.fleet.write_bytes(document(4, ROLLOUT))
    process = launch.launch(str(world), socket)
    monkeypatch.setenv("GPUCARVE_WORLD", str(socket))
    yield Twin(socket)
    process.terminate()
    process.wait()


def _away(hall: Twin, *numbers: int) -> None:
    async def strike(world: client.RemoteWorld) -> None:
        for number in numbers:
            await world.admin(host(number)).strike(NetworkLoss(1e6))

    hall.do(strike)


def _targets(out: str) -> set[str]:
    return {each["target"] for each in json.loads(out)["hosts"]}


@pytest.mark.parametrize(
    ("limit", "meant"),
    [
        (["gpu-2"], {2}),
        (["hall/gpu-2"], {2}),
        (["front"], {0, 1}),
        (["rear", "gpu-0"], {0, 2, 3}),
        (["gpu-2", "hall/gpu-2"], {2}),
    ],
)
def test_a_limit_names_hosts_and_pools(cli: Cli, hall: Twin, limit: list[str], meant: set[int]) -> None:
    arguments = [part for name in limit for part in ("--limit", name)]
    wanted = {str(host(number)) for number in meant}
    assert _targets(cli.on_fleet("status", *arguments, "-o", "json").out) == wanted
    assert _targets(cli.on_fleet("discover", *arguments, "-o", "json").out) == wanted
    plan = codec.from_data(json.loads(cli.on_fleet("plan", *arguments, "-o", "json").out))
    assert {str(target) for target in plan.targets} == wanted
    judged = json.loads(cli.on_fleet("verify", *arguments, "-o", "json").out)["findings"]
    assert {each["target"] for each in judged} == wanted


def test_a_limit_that_names_nothing_says_what_was_meant(cli: Cli, hall: Twin) -> None:
    for verb in ("plan", "apply", "verify", "status", "discover", "rollback", "adopt"):
        said = cli.on_fleet(verb, "--limit", "gpu-22")
        assert said.status == 64
        assert "the document has no host and no pool 'gpu-22'; did you mean gpu-2" in said.err
    assert cli("discover", "--host", "hall/gpu-1", "--limit", "gpu-1").status == 64


def test_a_name_that_is_a_host_and_a_pool_is_asked_about(cli: Cli) -> None:
    cli.fleet.write_bytes(document(4).replace(b"name: front", b"name: gpu-3"))
    said = cli.on_fleet("plan", "--limit", "gpu-3")
    assert said.status == 64
    assert "'gpu-3' is a host and a pool; write hall/gpu-3 for the host" in said.err


def test_a_limited_apply_and_rollback_touch_these_hosts_alone(cli: Cli, hall: Twin) -> None:
    before = hall.do(lambda world: world.snapshot())["hosts"]
    assert cli.on_fleet("apply", "--yes", "--limit", "gpu-1").status == 0
    after = hall.do(lambda world: world.snapshot())["hosts"]
    changed = {name for name in before if before[name]["files"] != after[name]["files"]}
    assert changed == {"hall/gpu-1"}
    assert cli.on_fleet("verify", "--limit", "gpu-1").status == 0
    assert cli.on_fleet("verify").status == 3
    back = cli.on_fleet("rollback", "--yes", "--limit", "gpu-1")
    assert (back.status, "Rolled back: 1 host." in back.out) == (0, True)


def test_a_saved_plan_keeps_its_limit_and_takes_no_other(cli: Cli, hall: Twin) -> None:
    saved = cli.folder / "plan.json"
    assert cli.on_fleet("plan", "--limit", "rear", "--out", saved).status == 0
    assert cli.on_fleet("apply", saved, "--limit", "rear").status == 64
    said = cli.on_fleet("apply", saved)
    assert said.status == 0
    assert "Applied: 2 hosts." in said.out


def test_the_plan_says_in_which_order_and_the_log_counts_the_hosts(cli: Cli, hall: Twin) -> None:
    said = cli.on_fleet("apply", "--yes")
    assert said.status == 0
    assert "Rollout    hall: first gpu-0, then at most 2 at once, no further after 2 failures\n" in said.out
    assert "\nhall/gpu-0, hall/gpu-1, hall/gpu-2, hall/gpu-3\n  boot\n" in said.out, "what happens to all is told once"
    counts = [line for line in said.err.splitlines() if line.startswith("-- ")]
    assert counts[0] == "-- 1 of 4 hosts done, 3 waiting"
    assert counts[-1] == "-- 4 of 4 hosts done"


def test_a_host_that_is_away_is_left_out_by_name_and_the_rest_goes_on(cli: Cli, hall: Twin) -> None:
    _away(hall, 2)
    planned = cli.on_fleet("plan", "--detailed-exitcode")
    assert planned.status == 2
    assert "Left out   hall/gpu-2: unreachable: hall/gpu-2 does not answer" in planned.out
    assert "no further after 1 failure\n" in planned.out
    said = cli.on_fleet("apply", "--yes")
    assert said.status == 5
    assert "3 of 4 hosts applied." in said.out
    assert "hall/gpu-2: left out\n" in said.out
    again = cli.on_fleet("apply", "--yes")
    assert again.status == 69
    assert "Nothing to do on the other hosts" in again.out
    hall.do(lambda world: world.advance(2e6))
    assert cli.on_fleet("apply", "--yes").status == 0
    assert cli.on_fleet("verify").status == 0


def test_too_many_hosts_away_refuse_the_whole_and_say_how_to_go_on_without_them(cli: Cli, hall: Twin) -> None:
    _away(hall, 1, 2)
    for arguments in (("plan",), ("apply", "--yes")):
        said = cli.on_fleet(*arguments)
        assert said.status == 69
        assert "2 problems stand in the way; nothing was changed" in said.err
        assert "maxFailures is 2 at site hall: name the other hosts with --limit, or raise it" in said.err
    assert cli.on_fleet("apply", "--yes", "--limit", "gpu-0", "--limit", "gpu-3").status == 0


def test_a_failed_canary_ends_with_5_and_the_held_hosts_are_told_once(cli: Cli, hall: Twin) -> None:
    hall.do(lambda world: world.admin(host(0)).strike(CommandFails("update-grub", 1)))
    said = cli.on_fleet("apply", "--yes")
    assert said.status == 5
    assert "hall/gpu-1, hall/gpu-2, hall/gpu-3: held\n" in said.out
    assert "its canary hall/gpu-0 ended: failed" in said.out
    hall.do(lambda world: world.admin(host(0)).strike(CommandFails("mdevctl", 1)))
    assert cli.on_fleet("apply", "--yes").status == 5
    assert cli.on_fleet("apply", "--yes").status == 0


def test_a_saved_plan_s_budget_cannot_be_edited(cli: Cli, hall: Twin) -> None:
    saved = cli.folder / "plan.json"
    cli.on_fleet("plan", "--out", saved)
    saved.write_text(saved.read_text().replace('"maxUnavailable": 2', '"maxUnavailable": 4'))
    said = cli.on_fleet("apply", saved)
    assert said.status == 1
    assert "the plan is not what its document asks for: rollout" in said.err


def test_a_saved_plan_is_carried_out_without_a_host_that_is_away_now(cli: Cli, hall: Twin) -> None:
    saved = cli.folder / "plan.json"
    cli.on_fleet("plan", "--out", saved)
    _away(hall, 3)
    said = cli.on_fleet("apply", saved)
    assert said.status == 5
    assert "3 of 4 hosts applied." in said.out
    status = " ".join(cli.on_fleet("status").out.split())
    assert "`gpucarve apply` goes on with it" in status
    hall.do(lambda world: world.advance(2e6))
    resumed = cli.on_fleet("apply")
    assert resumed.err.startswith("Going on with run ")
    assert resumed.status == 0


def test_the_scoreboard_has_a_line_for_each_host_under_way_and_counts_the_rest(cli: Cli, hall: Twin) -> None:
    plan = codec.from_data(json.loads(cli.on_fleet("plan", "-o", "json").out))
    step = next(step for step in plan.steps if step.key.target == host(0))
    board = Scoreboard([host(number) for number in range(4)])
    heard: list[Event] = [Queued(host(3)), Begun(host(0)), StepBegun(step), Begun(host(1)), Waiting(host(1), "it is")]
    for event in (*heard, TargetEnded(host(2), "failed")):
        board.hear(event)
    assert board.lines(Style(60)) == [
        f"hall/gpu-0  {step.action.value} {step.key.kind}",
        "hall/gpu-1  waits: it is",
        "0 of 4 hosts done, 1 failed, 2 under way, 1 waiting",
    ]
    assert all(len(line) < 20 for line in board.lines(Style(20)))
    board.hear(StepEnded(step, "done"))
    board.hear(TargetEnded(host(1), "done"))
    assert board.lines(Style(60)) == ["hall/gpu-0  looks", "1 of 4 hosts done, 1 failed, 1 under way, 1 waiting"]
