"""What is about to be done is written down before it is done, and by many tracks at once in one go."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gpucarve.engine.intents import Intents
from gpucarve.errors import JournalError
from gpucarve.journal.store import Journal
from gpucarve.model.hosts import ResourceKey, Target
from gpucarve.plan.plans import Plan, Purpose

pytestmark = pytest.mark.anyio

KEYS = tuple(ResourceKey(Target("hall", f"gpu-{number}"), "vgpu") for number in range(5))


class Counted(Journal):
    """A journal that counts what it syncs at once."""

    companies = 0

    @contextmanager
    def together(self) -> Iterator[None]:
        self.companies += 1
        with super().together():
            yield


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Counted]:
    opened = Counted(tmp_path / "journal.sqlite3")
    yield opened
    opened.close()


def _steps(journal: Journal, run: str) -> set[str]:
    """What another process sees in the file."""
    with sqlite3.connect(journal.path) as other:
        rows = other.execute("SELECT step, phase FROM entries WHERE run = ?", (run,)).fetchall()
    assert {phase for _, phase in rows} <= {"intent"}
    return {step for step, _ in rows}


async def test_intents_that_come_at_once_are_recorded_in_one_go_before_any_step_begins(journal: Counted) -> None:
    run = journal.begin(Plan("hall", "", Purpose.APPLY, (), ())).run
    intents = Intents(journal, run)

    async def step(key: ResourceKey) -> set[str]:
        await intents.announce((key,))
        return _steps(journal, run)

    assert await asyncio.gather(*map(step, KEYS)) == [set(map(str, KEYS))] * len(KEYS)
    assert journal.companies == 1
    await intents.announce(KEYS[:1])
    assert len(journal.entries(run)) == len(KEYS) + 1


async def test_no_step_begins_where_its_intent_cannot_be_recorded(journal: Counted) -> None:
    run = journal.begin(Plan("hall", "", Purpose.APPLY, (), ())).run
    intents = Intents(journal, run)
    journal._db.execute("PRAGMA query_only=ON")
    ended = await asyncio.gather(*(intents.announce((key,)) for key in KEYS), return_exceptions=True)
    assert [type(each) for each in ended] == [JournalError] * len(KEYS)
    journal._db.execute("PRAGMA query_only=OFF")
    await intents.announce(KEYS[:1])
    assert _steps(journal, run) == {str(KEYS[0])}
