"""What somebody carved by hand becomes ours without a write to it, and stays whatever the document says later."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpucarve.calls.primitives import WriteFile
from gpucarve.engine.endings import Outcome
from gpucarve.facts import grub, ours
from gpucarve.model.changes import Action
from gpucarve.plan.plans import Purpose
from gpucarve.twin.sight import view
from tests.story.cards import OTHER_GPU, Cards, document, whole_footprint
from tests.story.lab import GPU, HOST

pytestmark = pytest.mark.anyio

HALVES, BACKED = "vgpu: {A100D-40C: 2}", "vgpu: {A100D-2-20C: 2, A100D-3-40C: 1}"
SRIOV_MANAGE = "/usr/lib/nvidia/sriov-manage"
UUIDS = (
    "73269d0f-b2c9-438d-8f28-f9e4bc6c6995",
    "330be289-ba3f-4416-8c8a-b46ba7e51284",
    "1ba5392c-c61f-4f48-8fb1-4c6b2bbb0673",
)


async def _with_iommu(lab: Cards) -> None:
    defaults = view(lab.host.machine).file(grub.DEFAULTS).content
    lab.host.by_hand(WriteFile(grub.DEFAULTS, defaults.replace(b"intel_iommu=off", b"intel_iommu=on iommu=pt")))
    lab.by_hand("update-grub")
    lab.by_hand("systemctl", "reboot")
    await lab.world.clock.sleep(200.0)


def _vgpu(lab: Cards, uuid: str, function: int, type_id: str, gpu: str = GPU) -> None:
    parent = gpu.replace(".0", f".{function}", 1) if gpu.endswith(".0") else gpu
    where = ("--uuid", uuid, "--parent", parent)
    lab.by_hand("mdevctl", "define", *where, "--type", type_id)
    lab.by_hand("mdevctl", "start", *where)


async def _time_sliced(folder: Path) -> Cards:
    """Two vGPUs on functions of somebody's own choice, under UUIDs of his own."""
    lab = Cards.of(folder, at_65=HALVES)
    await _with_iommu(lab)
    lab.by_hand(SRIOV_MANAGE, "-e", GPU)
    for number, uuid in enumerate(UUIDS[:2]):
        _vgpu(lab, uuid, 7 - number, "nvidia-697")
    return lab


async def _mig_backed(folder: Path) -> Cards:
    """Instances where the driver put them, made in somebody's own order, with vGPUs in them."""
    lab = Cards.of(folder, at_65=BACKED)
    await _with_iommu(lab)
    lab.by_hand("nvidia-smi", "-i", GPU, "-mig", "1")
    lab.by_hand(SRIOV_MANAGE, "-e", GPU)
    for profile in ("14:2", "9:4", "14:0"):
        lab.by_hand("nvidia-smi", "mig", "-i", GPU, "-cgi", profile)
    for uuid, function, type_id in zip(UUIDS, (6, 4, 5), ("nvidia-700", "nvidia-701", "nvidia-700"), strict=True):
        _vgpu(lab, uuid, function, type_id)
    return lab


MADE = pytest.mark.parametrize("make", [_time_sliced, _mig_backed], ids=["time-sliced", "mig-backed"])


@MADE
async def test_it_is_named_first_and_then_adopted_with_no_write_to_any_of_it(tmp_path: Path, make: object) -> None:
    lab: Cards = await make(tmp_path)  # type: ignore[operator]  # one of the two above
    said = await lab.refused()
    assert "gpucarve adopt" in said
    before = whole_footprint(lab.host)
    plan = await lab.planned(Purpose.ADOPT)
    assert {step.action for step in plan.steps} == {Action.ADOPT}
    assert (await lab.run(Purpose.ADOPT)).done
    assert whole_footprint(lab.host) == before
    assert await lab.stands()
    assert (await lab.planned()).stages == ()
    assert (await lab.planned(Purpose.ADOPT)).stages == ()


@MADE
async def test_rolled_back_it_is_let_go_of_and_stands_as_it_did(tmp_path: Path, make: object) -> None:
    lab: Cards = await make(tmp_path)  # type: ignore[operator]  # one of the two above
    before = whole_footprint(lab.host)
    assert (await lab.run(Purpose.ADOPT)).done
    plan = await lab.goes_back()
    assert {step.action for step in plan.steps} == {Action.RELEASE}
    assert whole_footprint(lab.host) == before
    assert (await lab.observed()).require(ours.PROBE).claims == {}


@MADE
@pytest.mark.parametrize("cut", ["vgpu: {A100D-80C: 1}", "vgpu: {A100D-4-40C: 1}", "mig: {7g.80gb: 1}", "whole: true"])
async def test_a_document_that_asks_for_something_else_is_told_what_stays_before_anything_is_let_go_of(
    tmp_path: Path, make: object, cut: str
) -> None:
    lab: Cards = await make(tmp_path)  # type: ignore[operator]  # one of the two above
    assert (await lab.run(Purpose.ADOPT)).done
    before, claims = whole_footprint(lab.host), (await lab.observed()).require(ours.PROBE).claims
    lab.text = document(at_65=cut)
    said = await lab.refused()
    assert "gpucarve did not" in said
    assert (await lab.apply((await lab.survey()).draft.plan)).endings[HOST].outcome is Outcome.REFUSED
    assert whole_footprint(lab.host) == before
    assert (await lab.observed()).require(ours.PROBE).claims == claims


async def test_an_adopted_vgpu_that_excludes_another_type_is_named_with_its_own(tmp_path: Path) -> None:
    lab = await _time_sliced(tmp_path)
    assert (await lab.run(Purpose.ADOPT)).done
    lab.text = document(at_65="vgpu: {A100D-20C: 4}")
    said = await lab.refused()
    assert f"A100D-40C {UUIDS[1]} on 0000:65:00.6, which gpucarve did not make, excludes A100D-20C" in said


async def test_one_less_is_let_go_of_and_the_plan_says_that_it_stays(tmp_path: Path) -> None:
    lab = await _time_sliced(tmp_path)
    assert (await lab.run(Purpose.ADOPT)).done
    before = whole_footprint(lab.host)
    lab.text = document(at_65="vgpu: {A100D-40C: 1}")
    (step,) = (await lab.planned()).steps
    assert (step.action, step.after) == (Action.RELEASE, "stays as it is, and is not ours any more")
    assert (await lab.run()).done
    assert whole_footprint(lab.host) == before
    assert await lab.stands()


async def test_what_is_ours_on_the_other_card_changes_while_the_adopted_card_stays(tmp_path: Path) -> None:
    lab = await _time_sliced(tmp_path)
    assert (await lab.run(Purpose.ADOPT)).done
    await lab.becomes(document(at_65=HALVES, at_17=HALVES))
    await lab.becomes(document(at_65=HALVES, at_17="vgpu: {A100D-2-20C: 2}"))
    assert {each.uuid for each in lab.host.machine.up.devices.mdevs} >= set(UUIDS[:2])
    assert OTHER_GPU in str(lab.host.machine.up.devices.instances)
