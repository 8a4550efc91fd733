"""The boot unit: when it changes, how it is put there and taken away."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from gpucarve.calls.predicates import Absent, Sha256
from gpucarve.calls.primitives import Claim, Disown, Restore, WriteFile
from gpucarve.facts import units
from gpucarve.facts.observed import Unknown
from gpucarve.model.changes import Action, DisruptionKind, PutBack
from gpucarve.resources.decisions import Outlook
from gpucarve.resources.host import boot_unit
from gpucarve.resources.host.boot_unit import BootUnit, BootUnitAsBefore
from tests.resources import sights
from tests.resources.sights import HOST, Sight, change, claim, decide, fact, names, settled, writes

KEY = boot_unit.key(HOST)
ON = BootUnit(KEY)
OFF = BootUnitAsBefore(KEY, "rolled back", (sights.claimless("vgpu"),))
CLAIM: dict[str, dict[str, Any]] = {KEY.local: {"kind": boot_unit.KIND}}
THERE = units.BootUnit(boot_unit.unit(), boot_unit.script(), enabled=True, state="active")
ALL = ["Claim", "WriteFile", "WriteFile", "systemctl daemon-reload", "systemctl enable"]


@pytest.mark.parametrize("state", ["inactive", "active", "failed", "activating"])
def test_a_unit_of_ours_that_is_right_and_enabled_is_settled_whatever_the_last_boot_brought(state: str) -> None:
    assert state in settled(decide(ON, Sight(claims=CLAIM, units=replace(THERE, state=state)))).note


def test_a_host_without_it_gets_claim_script_and_unit_and_the_unit_is_enabled() -> None:
    decision = change(decide(ON))
    assert (decision.action, decision.takes_reboot, decision.disruption.kind) == (
        Action.CREATE,
        False,
        DisruptionKind.NONE,
    )
    assert names(decision) == ALL
    assert decision.undo == PutBack((units.UNIT, units.SCRIPT))


def test_it_is_never_started_since_it_would_wait_for_the_lock_of_the_program_that_starts_it() -> None:
    words = [word for each in writes(decide(ON)) for word in getattr(each.write, "argv", ())]
    assert "--now" not in words
    assert "start" not in words


def test_the_claim_keeps_what_stood_there_and_is_made_only_while_it_stands() -> None:
    first = writes(decide(ON))[0]
    assert isinstance(first.write, Claim)
    assert first.write.preserve == (units.UNIT, units.SCRIPT)
    assert json.loads(first.write.record) == {"kind": "boot-unit"}
    assert first.before == (Absent(units.UNIT), Absent(units.SCRIPT))


def test_only_root_reads_the_script_and_everybody_the_unit() -> None:
    found = [each.write for each in writes(decide(ON)) if isinstance(each.write, WriteFile)]
    assert [(each.path, each.mode) for each in found] == [(units.SCRIPT, 0o700), (units.UNIT, 0o644)]


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (replace(THERE, script=b"older"), ALL[:4]),
        (replace(THERE, unit=b"older"), ALL[:4]),
        (replace(THERE, stale=True), ALL[:4]),
        (replace(THERE, enabled=False), [*ALL[:3], ALL[4]]),
        (replace(THERE, script=None), ALL[:4]),
    ],
    ids=["another version's script", "an edited unit", "not reloaded", "disabled", "no script"],
)
def test_what_is_not_right_is_changed_and_no_more(seen: units.BootUnit, expected: list[str]) -> None:
    decision = change(decide(ON, Sight(claims=CLAIM, units=seen)))
    assert decision.action is (Action.CHANGE if seen.enabled else Action.CREATE)
    assert names(decision) == expected


def test_a_unit_that_was_cut_off_half_made_is_still_to_be_created_as_it_was_approved() -> None:
    half = replace(THERE, enabled=False, stale=True)
    for seen in (replace(half, unit=None, script=None), replace(half, unit=None), half):
        assert change(decide(ON, Sight(claims=CLAIM, units=seen))).action is Action.CREATE


def test_a_file_that_is_right_is_not_written_again() -> None:
    _, script, unit, *_ = writes(decide(ON, Sight(claims=CLAIM, units=replace(THERE, script=b"older"))))
    assert script.before == (Sha256.of(units.SCRIPT, b"older"),)
    assert unit.wanted == (Sha256.of(units.UNIT, boot_unit.unit()),)


def test_a_unit_whose_claim_is_gone_is_claimed_again() -> None:
    assert names(decide(ON, Sight(units=THERE)))[0] == "Claim"


def test_a_host_without_systemd_is_told_so() -> None:
    assert "no systemd answers" in fact(decide(ON, Sight(units=units.BootUnit())))


@pytest.mark.parametrize("resource", [ON, OFF], ids=["there", "back"])
def test_a_masked_unit_is_never_written_through(resource: BootUnit | BootUnitAsBefore) -> None:
    masked = units.BootUnit(state="inactive", link="/dev/null")
    assert "symbolic link to /dev/null" in fact(decide(resource, Sight(claims=CLAIM, units=masked)))


@pytest.mark.parametrize("resource", [ON, OFF], ids=["there", "back"])
def test_a_unit_that_cannot_be_read_decides_nothing(resource: BootUnit | BootUnitAsBefore) -> None:
    with pytest.raises(Exception, match="the bus is gone"):
        decide(resource, Sight(claims=CLAIM, units=Unknown("the bus is gone")))


# --- the way back


def test_without_a_claim_there_is_nothing_to_take_away() -> None:
    settled(decide(OFF, Sight(units=THERE)))


def test_it_is_taken_out_of_the_boot_first_and_let_go_last() -> None:
    decision = change(decide(OFF, Sight(claims=CLAIM, units=THERE)))
    assert (decision.action, decision.reason) == (Action.REMOVE, "rolled back")
    assert names(decision) == ["systemctl disable", "Restore", "Restore", "systemctl daemon-reload", "Disown"]
    restored = [each.write for each in writes(decision) if isinstance(each.write, Restore)]
    assert restored == [Restore(KEY.local, units.UNIT), Restore(KEY.local, units.SCRIPT)]
    assert writes(decision)[-1].write == Disown(KEY.local)


def test_after_a_cut_in_the_middle_no_unit_that_is_gone_is_disabled() -> None:
    decision = change(decide(OFF, Sight(claims=CLAIM, units=units.BootUnit(state="inactive"))))
    assert decision.action is Action.RELEASE
    assert names(decision)[0] == "Restore"


def test_it_waits_for_what_goes_before_it() -> None:
    outlook = Outlook(unsettled=frozenset(OFF.needs))
    assert change(decide(OFF, Sight(claims=CLAIM | claim(0), units=THERE), outlook)).work is None


def test_it_stays_while_something_has_to_stand_again_after_a_boot() -> None:
    assert "kept" in settled(decide(OFF, Sight(claims=CLAIM | claim(0), units=THERE))).note


def test_what_was_adopted_does_not_keep_it() -> None:
    assert change(decide(OFF, Sight(claims=CLAIM | claim(0, adopted=True), units=THERE))).work is not None
