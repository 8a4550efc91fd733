"""The twin answers as the real kernel and the real tools do: the same questions in the same order, the same answers.

The guest is asked once in a session; all tests here judge that recording, each with a twin of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from tests.kernel.alike import coverage
from tests.kernel.alike.bugs import BUGS, Bug
from tests.kernel.alike.differences import DIFFERENCES
from tests.kernel.alike.judging import Judgement, judge, summed
from tests.kernel.alike.normalisers import NORMALISERS
from tests.kernel.alike.recording import Recording, portrait_of, recorded
from tests.kernel.alike.scenes import CHAINS
from tests.kernel.alike.stories import STORIES
from tests.kernel.bench import CLEAN
from tests.kernel.guest import Guest
from tests.kernel.lab import GuestLab

Record = Callable[[str, object], None]
_FEWEST = 100  # distinct exchanges that count as a comparison


@pytest.fixture(scope="session")
def recordings(
    guest: Guest, vgpu_host_snapshot: str, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, Recording]:
    """What the guest answered in every chain of scenes, and in every story."""
    found: dict[str, Recording] = {}
    for functions, snapshot in ((False, CLEAN), (True, vgpu_host_snapshot)):
        guest.restore(snapshot)
        portrait, fresh = portrait_of(guest, functions=functions), True
        for chain in (each for each in CHAINS.values() if each.functions is functions):
            if not fresh:
                guest.restore(snapshot)
            found[chain.name] = Recording(chain.name, portrait, recorded(guest, chain.steps))
            fresh = False
        for story in (each for each in STORIES.values() if each.functions is functions):
            guest.restore(snapshot)
            lab = GuestLab(guest, tmp_path_factory.mktemp("story"), user="root", exchanges=[])
            story.tell(lab)
            found[story.name] = Recording(story.name, portrait, tuple(lab.exchanges or ()))
    return found


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
