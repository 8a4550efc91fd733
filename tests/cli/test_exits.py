"""Every way in which a verb ends has its own number, and one table says which."""

from __future__ import annotations

import fcntl
import json

import pytest

from gpucarve.calls.programs import Refusal, RefusalKind
from gpucarve.cli.exits import Exit, of_endings, of_error, of_findings, of_refusals
from gpucarve.engine.endings import Ending, Outcome
from gpucarve.errors import (
    BugError,
    DocumentError,
    HostError,
    LockedError,
    PermissionRefused,
    PlanError,
    UnreachableError,
)
from gpucarve.journal.store import Journal
from gpucarve.model.findings import Finding, Verdict
from gpucarve.model.hosts import Target
from gpucarve.twin.faults import CommandFails, NetworkLoss, Point, SriovYield
from tests.cli.conftest import HOST, Cli, Twin

TARGET = Target.parse(HOST)


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Outcome.DONE, 0),
        (Outcome.REFUSED, 3),
        (Outcome.DIVERGED, 1),
        (Outcome.FAILED, 1),
        (Outcome.BLOCKED, 1),
        (Outcome.LOCKED, 75),
        (Outcome.OVERTAKEN, 75),
        (Outcome.UNREACHABLE, 69),
        (Outcome.NO_PERMISSION, 77),
        (Outcome.HELD, 1),
        (Outcome.LEFT_OUT, 5),
        (Outcome.PAUSED, 5),
    ],
)
def test_a_run_that_changed_nothing_ends_with_the_status_of_its_outcome(outcome: Outcome, status: int) -> None:
    assert of_endings([Ending(outcome)], changed=False) == status
    assert of_endings([Ending(Outcome.DONE), Ending(outcome)], changed=False) == status


@pytest.mark.parametrize("other", [Outcome.HELD, Outcome.LEFT_OUT, Outcome.BLOCKED])
def test_hosts_that_were_not_begun_do_not_hide_why_the_others_failed(other: Outcome) -> None:
    endings = [Ending(Outcome.UNREACHABLE), Ending(other), Ending(Outcome.DONE)]
    assert of_endings(endings, changed=False) == 69
    assert of_endings(endings, changed=True) == 5


def test_every_outcome_has_a_status() -> None:
    assert all(isinstance(of_endings([Ending(outcome)], changed=False), Exit) for outcome in Outcome)
    assert all(isinstance(of_refusals([Refusal(kind)]), Exit) for kind in RefusalKind)


def test_a_run_that_changed_something_and_is_not_done_ends_with_5() -> None:
    assert of_endings([Ending(Outcome.UNREACHABLE)], changed=True) == 5
    assert of_endings([Ending(Outcome.DONE)], changed=True) == 0


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (DocumentError([]), 65),
        (HostError([]), 3),
        (PlanError("old"), 1),
        (UnreachableError("off"), 69),
        (LockedError("busy"), 75),
        (PermissionRefused("no"), 77),
        (BugError("ours"), 1),
    ],
)
def test_each_error_has_the_status_of_what_the_caller_can_do(error: Exception, status: int) -> None:
    assert of_error(error) == status  # type: ignore[arg-type]  # all are GpucarveError


def test_findings_end_with_3_unless_only_the_way_to_the_hosts_is_at_fault() -> None:
    access = Finding(TARGET, "access", Verdict.UNKNOWN, "no permission: sudo")
    other = Finding(TARGET, "layout", Verdict.DIFFERS, "no GPU")
    refused = [Refusal(RefusalKind.NO_PERMISSION)]
    assert of_findings([access], refused) == 77
    assert of_findings([access, other], refused) == 3
    assert of_findings([Finding(TARGET, "vgpu", Verdict.HOLDS, "runs")]) == 0


def test_wrong_use_ends_with_64(cli: Cli) -> None:
    assert cli("frobnicate").status == 64
    assert cli("plan").status == 64
    assert cli("plan", "-f", cli.folder / "nowhere.yaml").status == 64
    assert cli("discover").status == 64
    assert cli("discover", "--host", "-oProxyCommand=x").status == 64


def test_a_bad_document_ends_with_65(cli: Cli) -> None:
    cli.fleet.write_text("kind: Fleet\n")
    assert cli.on_fleet("plan").status == 65


def test_a_host_that_does_not_answer_ends_with_69_and_is_named(cli: Cli, twin: Twin) -> None:
    twin.do(lambda world: world.admin(TARGET).strike(NetworkLoss(100_000)))
    for verb in ("plan", "verify", "status", "discover"):
        said = cli.on_fleet(verb)
        assert said.status == 69
        assert HOST in said.out
    assert cli.on_fleet("apply", "--yes").status == 69


def test_what_the_gpu_cannot_carry_ends_with_3_before_anything_is_written(cli: Cli, twin: Twin) -> None:
    cli.fleet.write_text(cli.fleet.read_text().replace("0000:65:00.0", "0000:66:00.0"))
    said = cli.on_fleet("apply", "--yes", "-o", "json")
    assert said.status == 3
    assert json.loads(said.out)["kind"] == "Findings"
    assert "nothing was changed" in said.err
    assert twin.do(lambda world: world.admin(TARGET).counts())[Point.AFTER_WRITE.value] == 0


def test_verify_ends_with_3_while_something_is_missing(cli: Cli, twin: Twin) -> None:
    assert cli.on_fleet("verify").status == 3


def test_plan_ends_with_2_only_when_asked_and_only_for_changes(cli: Cli, twin: Twin) -> None:
    assert cli.on_fleet("plan").status == 0
    assert cli.on_fleet("plan", "--detailed-exitcode").status == 2
    assert cli.on_fleet("apply", "--yes").status == 0
    assert cli.on_fleet("plan", "--detailed-exitcode").status == 0


def test_a_run_that_fails_ends_with_5_after_a_change_and_with_1_without_any(cli: Cli, twin: Twin) -> None:
    for status in (5, 1):  # the first puts the boot unit in its place, and nothing else works
        twin.do(lambda world: world.admin(TARGET).strike(CommandFails("update-grub", 1)))
        said = cli.on_fleet("apply", "--yes")
        assert said.status == status
        assert "update-grub" in said.out + said.err or "kernel-arguments" in said.out + said.err


def test_fewer_functions_than_the_plan_showed_stop_the_run_with_5(cli: Cli, twin: Twin) -> None:
    twin.do(lambda world: world.admin(TARGET).strike(SriovYield(1)))
    said = cli.on_fleet("apply", "--yes")
    assert said.status == 5
    assert "0000:65:00.0 has 1 virtual function, 2 vGPUs are asked for" in said.out
    assert "0 of 1 hosts applied" in said.out
    assert "or go back with `gpucarve rollback`" in " ".join(said.out.split())
    assert f"{HOST}  ended: refused (0000:65:00.0 has 1 virtual function," in said.err
    found = json.loads(cli.on_fleet("verify", "-o", "json").out)["findings"]
    assert len([each for each in found if "2 vGPUs are asked for" in each["fact"]]) == 1


def test_a_journal_that_another_process_works_with_ends_with_75(cli: Cli, twin: Twin) -> None:
    path = cli.folder / "journal.sqlite3"
    Journal(path).close()
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        said = cli.on_fleet("apply", "--yes")
    assert said.status == 75
    assert "Going on" not in said.err
    assert "error: another gpucarve works with" in said.err
    assert "hint: wait for it to end" in said.err


def test_rollback_and_adopt_with_nothing_to_do_say_so_and_end_with_0(cli: Cli, twin: Twin) -> None:
    assert cli.on_fleet("apply", "--yes").status == 0
    assert cli.on_fleet("rollback", "--yes").status == 0
    again = cli.on_fleet("rollback")
    assert (again.status, again.out) == (0, "Nothing to do: no host holds a change of gpucarve's.\n")
    adopted = cli.on_fleet("adopt")
    assert adopted.status == 0
    assert adopted.out.startswith("Nothing to do: nobody else made a vGPU that the document asks for.\n")
