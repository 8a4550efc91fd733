"""Documents that change: types, counts and kinds on one card, with the other card and its guests left alone."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest

from gpucarve.engine.endings import Outcome
from gpucarve.model.changes import Action
from gpucarve.plan.plans import Plan
from gpucarve.twin.faults import Fault, NetworkLoss, Point
from gpucarve.twin.machine import GpuInstance, Mdev
from tests.story.cards import OTHER_GPU, Cards, card, disrupted, document, touched, whole_footprint, with_h100s
from tests.story.kinds import BACKED, HALVES, KINDS, walk
from tests.story.lab import GPU, HOST

pytestmark = pytest.mark.anyio

WHOLE_CARD = "vgpu: {A100D-80C: 1}"
QUARTERS = "vgpu: {A100D-20C: 4}"


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


async def test_one_gpu_takes_every_change_of_kind_one_after_the_other_and_goes_all_the_way_back(tmp_path: Path) -> None:
    """Nothing that a kind leaves behind stands in the way of a later one; the kernel bench goes the same way."""
    way = walk(tuple(KINDS))
    lab = Cards.of(tmp_path, at_65=KINDS[way[0]])
    start, other = whole_footprint(lab.host), card(lab.host, OTHER_GPU)
    for kind in way:
        await lab.becomes(document(at_65=KINDS[kind]))
        assert card(lab.host, OTHER_GPU) == other, kind
    await lab.goes_back()
    assert whole_footprint(lab.host) == start


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("mig", "mig-backed"),
        ("mig-backed", "passthrough"),
        ("passthrough", "mig"),
        ("time-sliced", "mig-backed"),
        ("mig-backed", "time-sliced"),
    ],
)
async def test_a_gpu_that_forgets_its_mig_mode_at_boot_goes_the_same_ways(
    tmp_path: Path, first: str, then: str
) -> None:
    lab = Cards.of(tmp_path, at_65=KINDS[first].replace("A100D", "H100"))
    lab.host.machine = with_h100s()
    start = whole_footprint(lab.host)
    await lab.becomes(lab.text)
    plan = await lab.becomes(document(at_65=KINDS[then].replace("A100D", "H100")))
    assert sum(step.action is Action.REBOOT for step in plan.steps) <= 1
    await lab.goes_back()
    assert whole_footprint(lab.host) == start


@pytest.mark.parametrize("kind", ["mig", "time-sliced", "mig-backed", "passthrough"])
async def test_a_gpu_that_the_document_drops_is_as_before_and_the_other_one_stays(tmp_path: Path, kind: str) -> None:
    cut = KINDS[kind]
    lab = Cards.of(tmp_path, at_65=cut, at_17=cut)
    start, bare = whole_footprint(lab.host), card(lab.host, GPU)
    await lab.becomes(lab.text)
    if kind != "mig":
        _guest(lab, OTHER_GPU, "vm-other")
    before = card(lab.host, OTHER_GPU)
    plan = await lab.becomes(document(at_17=cut))
    assert disrupted(plan) <= {GPU}
    assert touched(plan) == {GPU}
    assert (card(lab.host, OTHER_GPU), card(lab.host, GPU)) == (before, bare)
    if kind != "mig":
        lab.host.stop_guest("vm-other")
    await lab.goes_back()
    assert whole_footprint(lab.host) == start


@pytest.mark.parametrize("then", ["time-sliced", "mig-backed", "whole", "mig"])
async def test_a_gpu_that_a_guest_has_whole_is_given_back_once_it_has_stopped(tmp_path: Path, then: str) -> None:
    lab = Cards.of(tmp_path, at_65=KINDS["passthrough"])
    await lab.becomes(lab.text)
    _guest(lab, GPU, "vm-whole")
    before, written = whole_footprint(lab.host), lab.written
    lab.text = document(at_65=KINDS[then])
    assert "guest vm-whole" in await lab.refused()
    assert (await lab.apply((await lab.survey()).draft.plan)).endings[HOST].outcome is Outcome.REFUSED
    assert (whole_footprint(lab.host), lab.written) == (before, written)
    lab.host.stop_guest("vm-whole")
    await lab.becomes(lab.text)


async def test_a_mig_mode_that_others_had_set_comes_back_with_a_gpu_that_was_given_away(tmp_path: Path) -> None:
    lab = Cards.of(tmp_path, at_65=KINDS["passthrough"])
    lab.by_hand("nvidia-smi", "-i", GPU, "-mig", "1")
    start = whole_footprint(lab.host)
    assert start["mig"] == ((GPU,), (GPU,))
    await lab.becomes(lab.text)
    assert whole_footprint(lab.host)["mig"] == ((), ())
    await lab.goes_back()
    assert whole_footprint(lab.host) == start


@pytest.mark.parametrize("slot", [0, 1, 2])
async def test_instances_that_guests_run_in_keep_their_place_whichever_these_are(tmp_path: Path, slot: int) -> None:
    """The driver chose them; the vGPUs that go are those of the highest numbers, idle here."""
    lab = Cards.of(tmp_path, at_65="vgpu: {A100D-2-20C: 3}")
    await lab.becomes(lab.text)
    _rearrange(lab, slot)
    _guest(lab, GPU, "vm-1")
    kept = _instance_of(lab, 0)
    plan = await lab.becomes(document(at_65="vgpu: {A100D-2-20C: 1, A100D-3-40C: 1}"))
    assert kept in lab.host.machine.up.devices.instances
    assert _instance_of(lab, 0) == kept
    assert ("create", f"{GPU}#A100D-3-40C.0") in _actions(plan)
    assert not disrupted(plan)


@pytest.mark.parametrize("slot", [0, 1, 2])
async def test_an_idle_vgpu_gives_way_for_a_moment_where_the_driver_put_it_into_an_instance_that_goes(
    tmp_path: Path, slot: int
) -> None:
    lab = Cards.of(tmp_path, at_65="vgpu: {A100D-2-20C: 3}")
    start = whole_footprint(lab.host)
    await lab.becomes(lab.text)
    _rearrange(lab, slot)
    uuid = _vgpu(lab, 0).uuid
    plan = await lab.becomes(document(at_65="vgpu: {A100D-2-20C: 1, A100D-4-40C: 1}"))
    assert "idle vGPUs of 2g.20gb may be started anew" in str([step.after for step in plan.steps])
    assert _vgpu(lab, 0).uuid == uuid
    assert [each.profile for each in lab.host.machine.up.devices.instances] == ["2g.20gb", "4g.40gb"]
    await lab.goes_back()
    assert whole_footprint(lab.host) == start


async def test_an_idle_vgpu_that_a_power_cut_or_a_crash_left_stopped_is_started_by_the_next_apply(
    tmp_path: Path,
) -> None:
    for number in range(1, 40, 2):
        folder = tmp_path / str(number)
        folder.mkdir()
        lab = Cards.of(folder, at_65="vgpu: {A100D-2-20C: 3}")
        await lab.becomes(lab.text)
        _rearrange(lab, 0)
        lab.text, before = document(at_65="vgpu: {A100D-2-20C: 1, A100D-4-40C: 1}"), lab.written
        lab.host.place(Fault(Point.AFTER_WRITE, number, NetworkLoss(700.0)))
        for _ in range(5):
            with suppress(AssertionError):  # nothing is planned for a host that does not answer
                if (await lab.run()).done:
                    break
            await lab.world.clock.sleep(800.0)
        assert await lab.stands(), number
        if lab.written - before < number:
            break
    assert number > 10


async def test_an_instance_that_has_to_go_and_a_guest_runs_in_is_named_before_anything_is_begun(tmp_path: Path) -> None:
    lab = Cards.of(tmp_path, at_65="vgpu: {A100D-2-20C: 3}")
    await lab.becomes(lab.text)
    _rearrange(lab, 1)  # the middle of the card, which a 4g.40gb beside it leaves no room for
    _guest(lab, GPU, "vm-1")
    before, written = whole_footprint(lab.host), lab.written
    lab.text = document(at_65="vgpu: {A100D-2-20C: 1, A100D-4-40C: 1}")
    assert "carries a vGPU" in await lab.refused()
    assert "guest vm-1" in await lab.refused()
    assert (await lab.apply((await lab.survey()).draft.plan)).endings[HOST].outcome is Outcome.REFUSED
    assert (whole_footprint(lab.host), lab.written) == (before, written)


def _vgpu(lab: Cards, slot: int) -> Mdev:
    """The vGPU of a slot; they stand on virtual functions in the order of their numbers."""
    return sorted(lab.host.machine.up.devices.mdevs, key=lambda each: each.parent)[slot]


def _instance_of(lab: Cards, slot: int) -> GpuInstance:
    number = _vgpu(lab, slot).instance
    return next(each for each in lab.host.machine.up.devices.instances if each.number == number)


def _rearrange(lab: Cards, place: int) -> None:
    """The driver has put the first vGPU into the instance at another place, as it is free to."""
    devices, first = lab.host.machine.up.devices, _vgpu(lab, 0)
    chosen = sorted(devices.instances, key=lambda each: each.start)[place].number
    swapped = {first.instance: chosen, chosen: first.instance}
    moved = tuple(replace(each, instance=swapped.get(each.instance, each.instance)) for each in devices.mdevs)
    lab.host.machine = lab.host.machine.with_devices(replace(devices, mdevs=moved))
