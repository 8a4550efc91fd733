"""The journal: what it keeps, and what it refuses."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from gpucarve import app
from gpucarve.errors import BugError, JournalError, LockedError, PlanError
from gpucarve.journal.lock import exclusive
from gpucarve.journal.store import Journal, RunState
from gpucarve.model.hosts import ResourceKey, Target
from gpucarve.plan.plans import Plan, Purpose
from tests.story.lab import document as lab_document
from tests.story.lab import fleet_of

KEY = ResourceKey(Target("lab", "gpu-1"), "kernel-arguments")


def _plan(document: str = "d") -> Plan:
    return Plan("lab", document, Purpose.APPLY, (), ())


def test_a_run_that_was_cut_off_is_found_by_another_process_with_its_plan(tmp_path: Path) -> None:
    run = Journal(tmp_path / "j").begin(_plan())
    found = Journal(tmp_path / "j").unfinished("lab")
    assert found is not None
    assert (found.run, found.plan, found.state) == (run.run, _plan(), RunState.RUNNING)


@pytest.mark.parametrize("state", [RunState.DONE, RunState.STOPPED])
def test_a_run_that_has_ended_is_not_gone_on_with(tmp_path: Path, state: RunState) -> None:
    journal = Journal(tmp_path / "j")
    journal.finish(journal.begin(_plan()).run, state)
    assert journal.unfinished("lab") is None


def test_intents_and_outcomes_come_back_in_order(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    run = journal.begin(_plan()).run
    journal.intend(run, (KEY,), "boot-1")
    journal.outcome(run, (KEY,), "done", "x" * 5000)
    entries = Journal(tmp_path / "j").entries(run)
    assert [(each.step, each.phase, each.detail) for each in entries] == [
        (str(KEY), "intent", "boot-1"),
        (str(KEY), "done", "x" * 500),
    ]


def test_an_intent_is_no_outcome(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    with pytest.raises(BugError):
        journal.outcome(journal.begin(_plan()).run, (KEY,), "intent")


def test_a_controller_keeps_its_name_for_as_long_as_its_journal_lives(tmp_path: Path) -> None:
    assert Journal(tmp_path / "j").holder == Journal(tmp_path / "j").holder
    assert Journal(tmp_path / "j").holder != Journal(tmp_path / "other").holder


def test_a_file_that_is_no_journal_is_refused_with_what_to_do_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "j"
    path.write_bytes(b"somebody's letter, long enough to be read as a header" * 4)
    with pytest.raises(JournalError) as caught:
        Journal(path)
    assert "--journal" in caught.value.hint
    assert path.read_bytes().startswith(b"somebody's letter")
    with pytest.raises(JournalError):
        Journal(tmp_path)


def test_a_journal_that_cannot_be_written_says_so_with_its_file_and_works_again_later(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    run = journal.begin(_plan()).run
    journal._db.execute("PRAGMA query_only=ON")
    for write in (
        lambda: journal.intend(run, (KEY,)),
        lambda: journal.begin(_plan()),
        lambda: journal.finish(run, RunState.DONE),
        lambda: journal.close_unfinished("lab"),
    ):
        with pytest.raises(JournalError, match=str(tmp_path / "j")):
            write()
    journal._db.execute("PRAGMA query_only=OFF")
    journal.intend(run, (KEY,))
    assert len(journal.entries(run)) == 1


@pytest.mark.parametrize("plan", ["{", "[]", "[" * 30_000])
def test_a_plan_that_was_damaged_in_the_journal_is_not_gone_on_with(tmp_path: Path, plan: str) -> None:
    journal = Journal(tmp_path / "j")
    journal.begin(_plan())
    journal._db.execute("UPDATE runs SET plan = ?", (plan,))
    with pytest.raises(PlanError):
        journal.unfinished("lab")
    assert app.unfinished(journal, fleet_of(lab_document()), Purpose.APPLY) is None


def test_every_commit_is_synced(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    assert journal._db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert journal._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_the_lock_of_a_journal_is_given_back_when_its_holder_is_done(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with exclusive(path), pytest.raises(LockedError), exclusive(path):
        pytest.fail("two held it")
    with exclusive(path):
        pass


def test_a_run_that_another_version_approved_does_not_stand_in_the_way(tmp_path: Path) -> None:
    fleet = fleet_of(lab_document())
    journal = Journal(tmp_path / "j")
    run = journal.begin(Plan("lab", fleet.digest, Purpose.APPLY, (), ())).run
    with sqlite3.connect(tmp_path / "j") as other:
        other.execute('UPDATE runs SET plan = replace(plan, \'"madeBy": "\', \'"madeBy": "9.\')')
    other.close()
    assert app.unfinished(journal, fleet, Purpose.APPLY) is None
    journal.close_unfinished("lab")
    assert journal.unfinished("lab") is None
    assert run not in str(journal.unfinished("lab"))
