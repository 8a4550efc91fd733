"""The twin answers as the real kernel and the real tools do: the same questions in the same order, the same answers.

The guest is asked once in a session; all tests here judge that recording, each with a twin of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from gpucarve.app.worlds import open_world
from gpucarve.calls.programs import Refusal
from gpucarve.calls.replies import Reply
from gpucarve.transports.replay import Exchange
from tests.kernel.alike import coverage
from tests.kernel.alike.bugs import BUGS, Bug
from tests.kernel.alike.differences import DIFFERENCES
from tests.kernel.alike.judging import Judgement, judge, summed
from tests.kernel.alike.normalisers import NORMALISERS
from tests.kernel.alike.portrait import ASKED, Portrait
from tests.kernel.alike.recording import Recording, record
from tests.kernel.alike.scenes import CHAINS
from tests.kernel.alike.steps import Act, Step
from tests.kernel.alike.stories import STORIES
from tests.kernel.bench import CLEAN
from tests.kernel.guest import Guest
from tests.kernel.lab import HOST, GuestLab

Record = Callable[[str, object], None]
_FEWEST = 100  # distinct exchanges that count as a comparison


@pytest.fixture(scope="session")
def recordings(
    guest: Guest, vgpu_host_snapshot: str, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, Recording]:
    """What the guest answered in every chain of scenes, and in every story."""
    folder = tmp_path_factory.mktemp("alike")
    states = {False: CLEAN, True: vgpu_host_snapshot}
    found: dict[str, Recording] = {}
    for functions, snapshot in states.items():
        guest.restore(snapshot)
        portrait = Portrait(_asked(guest, folder), functions)
        for chain in CHAINS.values():
            if chain.functions is functions:
                guest.restore(snapshot)
                found[chain.name] = Recording(chain.name, portrait, _recorded(guest, folder, chain.steps))
        for number, story in enumerate(STORIES.values()):
            if story.functions is functions:
                guest.restore(snapshot)
                exchanges: list[Exchange | Act] = []
                home = folder / f"story-{number}"
                home.mkdir()
                story.tell(GuestLab(guest, home, exchanges=exchanges))
                found[story.name] = Recording(story.name, portrait, tuple(exchanges))
    return found


def _asked(guest: Guest, folder: Path) -> tuple[Reply, ...]:
    async def ask() -> tuple[Reply, ...]:
        world = open_world(GuestLab(guest, folder, user="root").fleet, None)
        try:
            replies = await world.host(HOST).gather(ASKED)
            assert not isinstance(replies, Refusal), replies
            return replies
        finally:
            await world.close()

    return asyncio.run(ask())


def _recorded(guest: Guest, folder: Path, steps: tuple[Step, ...]) -> tuple[Exchange | Act, ...]:
    async def ask() -> tuple[Exchange | Act, ...]:
        world = open_world(GuestLab(guest, folder, user="root").fleet, None)
        try:
            return await record(guest, world.host(HOST), steps)
        finally:
            await world.close()

    return asyncio.run(ask())


@pytest.fixture(scope="session")
def judgements(recordings: Mapping[str, Recording]) -> Mapping[str, Judgement]:
    """Each recording put to a twin."""
    return {name: judge(recording) for name, recording in recordings.items()}


@pytest.mark.parametrize("name", [*CHAINS, *STORIES])
def test_the_twin_gives_the_guest_s_answers(name: str, judgements: Mapping[str, Judgement]) -> None:
    """No answer differs but for what `normalisers` and `differences` name."""
    assert not judgements[name].different, "\n".join(judgements[name].different)


def test_every_kind_of_call_has_had_every_outcome_that_it_can_have(
    judgements: Mapping[str, Judgement], record_property: Record
) -> None:
    whole = summed(judgements)
    record_property("coverage", "\n" + coverage.table(whole.cells))
    record_property("distinct exchanges", len(whole.distinct))
    assert not coverage.unexplained(whole.cells), "\n".join(coverage.unexplained(whole.cells))
    assert len(whole.distinct) >= _FEWEST


def test_nothing_is_left_out_of_the_comparison_without_need(judgements: Mapping[str, Judgement]) -> None:
    """Every normaliser makes some answers equal, and every known difference is there."""
    whole = summed(judgements)
    assert [each.name for each in NORMALISERS if not whole.needed[each.name]] == []
    assert [each.name for each in DIFFERENCES if not whole.explained[each.name]] == []


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.what)
def test_a_bug_in_the_twin_shows(
    bug: Bug, recordings: Mapping[str, Recording], monkeypatch: pytest.MonkeyPatch
) -> None:
    bug.plant(monkeypatch)
    assert judge(recordings[bug.shows_in]).different
