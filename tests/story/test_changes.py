"""Documents that change: types, counts and kinds on one card, with the other card and its guests left alone."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest

from gpucarve.engine.endings import Outcome
from gpucarve.model.changes import Action
from gpucarve.plan.plans import Plan
from tests.story.cards import OTHER_GPU, Cards, card, disrupted, document, touched, whole_footprint
from tests.story.lab import GPU, HOST

pytestmark = pytest.mark.anyio

HALVES, WHOLE_CARD = "vgpu: {A100D-40C: 2}", "vgpu: {A100D-80C: 1}"
QUARTERS = "vgpu: {A100D-20C: 4}"
BACKED = "vgpu: {A100D-2-20C: 3, A100D-1-10C: 1}"
KINDS = {
    "whole": "whole: true",
    "mig": "mig: {3g.40gb: 1, 1g.10gb: 2}",
    "time-sliced": HALVES,
    "mig-backed": BACKED,
    "passthrough": "passthrough: true",
}


@pytest.fixture
def lab(tmp_path: Path) -> Cards:
    return Cards.of(tmp_path, at_65=HALVES, at_17=HALVES)


def _actions(plan: Plan) -> list[tuple[str, str]]:
    return [(step.action.value, step.key.subject) for step in plan.steps]


def _guest(lab: Cards, gpu: str, name: str) -> None:
    lab.host.start_guest(gpu, name)


@pytest.mark.parametrize(
    ("then", "gone", "made"),
    [
        (WHOLE_CARD, ["A100D-40C.0", "A100D-40C.1"], ["A100D-80C.0"]),
        (QUARTERS, ["A100D-40C.0", "A100D-40C.1"], [f"A100D-20C.{number}" for number in range(4)]),
        ("vgpu: {A100D-40C: 1}", ["A100D-40C.1"], []),
    ],
    ids=["one that fills the card", "four smaller ones", "one less"],
)
async def test_another_type_or_count_on_one_card_rebuilds_there_alone(
    lab: Cards, then: str, gone: list[str], made: list[str]
) -> None:
    assert (await lab.run()).done
    _guest(lab, OTHER_GPU, "vm-other")
    before = card(lab.host, OTHER_GPU)
    plan = await lab.becomes(document(at_65=then, at_17=HALVES))
    assert _actions(plan) == [
        *(("remove", f"{GPU}#{each}") for each in gone),
        *(("create", f"{GPU}#{each}") for each in made),
    ]
    assert not disrupted(plan)
    assert card(lab.host, OTHER_GPU) == before
    assert "vm-other" in str(lab.host.machine.up.processes.entries)


async def test_types_go_from_one_to_the_next_and_back_to_the_very_same_vgpus(lab: Cards) -> None:
    start = whole_footprint(lab.host)
    assert (await lab.run()).done
    first, text = whole_footprint(lab.host), lab.text
    for types in (WHOLE_CARD, QUARTERS, "vgpu: {A100D-40C: 1}", BACKED):
        await lab.becomes(document(at_65=types, at_17=HALVES))
    await lab.becomes(text)
    assert whole_footprint(lab.host) == first
    await lab.goes_back()
    assert whole_footprint(lab.host) == start


async def test_one_more_joins_without_a_change_to_what_runs(lab: Cards) -> None:
    await lab.becomes(document(at_65="vgpu: {A100D-20C: 2}", at_17=HALVES))
    before = card(lab.host, GPU)
    plan = await lab.becomes(document(at_65="vgpu: {A100D-20C: 3}", at_17=HALVES))
    assert _actions(plan) == [("create", f"{GPU}#A100D-20C.2")]
    assert [each for each in card(lab.host, GPU).vgpus if each in before.vgpus] == before.vgpus


@pytest.mark.parametrize("then", [WHOLE_CARD, "vgpu: {A100D-40C: 1}", BACKED])
async def test_a_change_is_refused_while_a_guest_uses_the_card_and_done_once_it_has_stopped(
    lab: Cards, then: str
) -> None:
    assert (await lab.run()).done
    for name in ("vm-1", "vm-2"):
        _guest(lab, GPU, name)
    before, written = whole_footprint(lab.host), lab.written
    lab.text = document(at_65=then, at_17=HALVES)
    said = await lab.refused()
    assert "guest vm-2" in said
    plan = (await lab.survey()).draft.plan
    assert (await lab.apply(plan)).endings[HOST].outcome is Outcome.REFUSED
    assert (whole_footprint(lab.host), lab.written) == (before, written)
    for name in ("vm-1", "vm-2"):
        lab.host.stop_guest(name)
    await lab.becomes(lab.text)


@pytest.mark.parametrize(("first", "then"), list(permutations(KINDS, 2)))
async def test_a_gpu_goes_from_any_kind_to_any_other_and_all_the_way_back(
    tmp_path: Path, first: str, then: str
) -> None:
    """There are plans that refine, one reboot at most, and the exact start in the end."""
    lab = Cards.of(tmp_path, at_65=KINDS[first])
    start, other = whole_footprint(lab.host), card(lab.host, OTHER_GPU)
    await lab.becomes(lab.text)
    plan = await lab.becomes(document(at_65=KINDS[then]))
    assert sum(step.action is Action.REBOOT for step in plan.steps) <= 1
    assert disrupted(plan) <= {GPU, "host"}
    assert touched(plan) <= {GPU}
    assert card(lab.host, OTHER_GPU) == other
    await lab.goes_back()
    assert whole_footprint(lab.host) == start


async def test_a_mig_mode_that_others_had_set_comes_back_with_a_gpu_that_was_given_away(tmp_path: Path) -> None:
    lab = Cards.of(tmp_path, at_65=KINDS["passthrough"])
    lab.by_hand("nvidia-smi", "-i", GPU, "-mig", "1")
    start = whole_footprint(lab.host)
    assert start["mig"] == ((GPU,), (GPU,))
    await lab.becomes(lab.text)
    assert whole_footprint(lab.host)["mig"] == ((), ())
    await lab.goes_back()
    assert whole_footprint(lab.host) == start
