"""The journal's file: sqlite in WAL mode, synced before every side effect.

Plans and intents are on the disk when they are written. Outcomes are in the file, and on the disk with the next intent:
a power cut may forget them, and whoever goes on looks at the hosts in any case.

Boundary: rows in, rows out; what they mean for going on is the engine's. Times are UTC, for people only.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path

from gpucarve.errors import BugError, JournalError, PlanError
from gpucarve.model.hosts import ResourceKey, Target
from gpucarve.plan import codec
from gpucarve.plan.plans import Plan

_SCHEMA = """
CREATE TABLE IF NOT EXISTS controller (token TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS runs (
    run TEXT PRIMARY KEY, fleet TEXT NOT NULL, purpose TEXT NOT NULL, plan TEXT NOT NULL,
    state TEXT NOT NULL, started TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS entries (
    number INTEGER PRIMARY KEY, run TEXT NOT NULL REFERENCES runs, at TEXT NOT NULL,
    target TEXT NOT NULL, step TEXT NOT NULL, phase TEXT NOT NULL, detail TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS entries_of_run ON entries (run);
"""


class RunState(Enum):
    """A run left `RUNNING` was killed or cut off: the next apply of the same fleet goes on with it."""

    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"  # ended by itself short of its aim: failed, refused, overtaken


@dataclass(frozen=True, slots=True)
class Run:
    """One approved plan being carried out."""

    run: str
    plan: Plan
    state: RunState
    started: str


@dataclass(frozen=True, slots=True)
class Entry:
    """`phase` is `intent` or how it ended; `detail` a sentence or a boot id. A target's ending has no step."""

    at: str
    target: Target
    step: str
    phase: str
    detail: str


class Journal:
    """An open journal. `holder` names this controller on every host, for as long as the file lives."""

    def __init__(self, path: Path) -> None:
        """Open or create it. Raises JournalError."""
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(_SCHEMA)
            self._in_company = False
            self.holder = self._token()
        except (sqlite3.Error, OSError) as error:
            hint = "name another file with --journal; what a host must remember stands on the host, not here"
            raise JournalError(f"{path} cannot be opened as a journal: {error}", hint=hint) from error

    def _token(self) -> str:
        self._db.execute("BEGIN IMMEDIATE")
        row = self._db.execute("SELECT token FROM controller").fetchone()
        token = str(row[0]) if row else secrets.token_hex(6)
        if row is None:
            self._db.execute("INSERT INTO controller VALUES (?)", (token,))
        self._db.execute("COMMIT")
        return token

    def begin(self, plan: Plan) -> Run:
        """Record an approved plan as a new run."""
        run = Run(secrets.token_hex(6), plan, RunState.RUNNING, _now())
        text = json.dumps(codec.to_data(plan))
        row = (run.run, plan.fleet, plan.purpose.value, text, run.state.value, run.started)
        with self._writing():
            self._db.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?)", row)
        return run

    def intend(self, run: str, keys: tuple[ResourceKey, ...], detail: str = "") -> None:
        """Record, before it begins, that these steps are about to be carried out in one go."""
        self._add(run, keys, "intent", detail, synced=True)

    @contextmanager
    def together(self) -> Iterator[None]:
        """All intents inside are recorded at its end, in one go; none of them where it ends with an exception."""
        with self._writing(synced=True):
            self._db.execute("BEGIN IMMEDIATE")
            self._in_company = True
            try:
                yield
                self._db.execute("COMMIT")
            finally:
                self._in_company = False
                if self._db.in_transaction:
                    self._db.rollback()

    def outcome(self, run: str, keys: tuple[ResourceKey, ...], phase: str, detail: str = "") -> None:
        """Record how they ended."""
        if phase == "intent":
            raise BugError("an intent is not an outcome")
        self._add(run, keys, phase, detail, synced=False)

    def ended(self, run: str, target: Target, outcome: str) -> None:
        """Record that no step of a target's part will begin any more."""
        self._write([(run, _now(), str(target), "", "ended", outcome)], synced=False)

    def finish(self, run: str, state: RunState) -> None:
        """Record that the run has ended."""
        with self._writing():
            self._db.execute("UPDATE runs SET state = ? WHERE run = ?", (state.value, run))

    def unfinished(self, fleet: str) -> Run | None:
        """The run of this fleet that was cut off, if any. Raises PlanError when another version approved its plan."""
        row = self._db.execute(
            "SELECT run, plan, state, started FROM runs WHERE fleet = ? AND state = ? ORDER BY rowid DESC",
            (fleet, RunState.RUNNING.value),
        ).fetchone()
        return _run(row) if row else None

    def close_unfinished(self, fleet: str) -> None:
        """Whatever was cut off is not gone on with any more."""
        row = (RunState.STOPPED.value, fleet, RunState.RUNNING.value)
        with self._writing():
            self._db.execute("UPDATE runs SET state = ? WHERE fleet = ? AND state = ?", row)

    def entries(self, run: str) -> tuple[Entry, ...]:
        """Everything recorded of a run, in order."""
        rows = self._db.execute(
            "SELECT at, target, step, phase, detail FROM entries WHERE run = ? ORDER BY number", (run,)
        )
        return tuple(Entry(at, Target.parse(target), step, phase, detail) for at, target, step, phase, detail in rows)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _add(self, run: str, keys: tuple[ResourceKey, ...], phase: str, detail: str, *, synced: bool) -> None:
        now = _now()
        self._write([(run, now, str(key.target), str(key), phase, detail[:500]) for key in keys], synced=synced)

    def _write(self, rows: Sequence[tuple[str, ...]], *, synced: bool) -> None:
        if self._in_company:
            self._insert(rows)
            return
        with self._writing(synced=synced):
            self._db.execute("BEGIN IMMEDIATE")
            self._insert(rows)
            self._db.execute("COMMIT")

    def _insert(self, rows: Sequence[tuple[str, ...]]) -> None:
        self._db.executemany(
            "INSERT INTO entries (run, at, target, step, phase, detail) VALUES (?, ?, ?, ?, ?, ?)", rows
        )

    @contextmanager
    def _writing(self, *, synced: bool = True) -> Iterator[None]:
        """Raises JournalError where nothing could be written: a full disk, or a file that somebody damaged."""
        try:
            self._db.execute(f"PRAGMA synchronous={'FULL' if synced else 'NORMAL'}")
            yield
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.rollback()
            hint = "make room for it, or name another file with --journal; then run the same command again"
            raise JournalError(f"{self.path} cannot be written: {error}", hint=hint) from error


def _run(row: tuple[str, str, str, str]) -> Run:
    run, plan, state, started = row
    try:
        data = json.loads(plan)
    except (RecursionError, ValueError) as error:
        raise PlanError(f"the plan of run {run} is damaged: {error}") from error
    return Run(run, codec.from_data(data), RunState(state), started)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
