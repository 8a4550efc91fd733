"""A document that asks for less, for more, or for another GPU, and hosts that somebody has worked on in between."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpucarve.calls import state
from gpucarve.calls.primitives import MakeLink, Remove, WriteFile
from gpucarve.engine.endings import Outcome
from gpucarve.facts import grub, ours
from gpucarve.model.changes import Action
from gpucarve.model.findings import Verdict
from gpucarve.plan.plans import Purpose
from tests.story.lab import GPU, HOST, TYPE, Lab, document, footprint
from tests.story.test_story import make_by_hand, start_guest

pytestmark = pytest.mark.anyio

OTHER_GPU = "0000:17:00.0"
ONE = document(f"{{{TYPE}: 1}}")
BOTH = document().replace(b"cut: [", b'cut: [{gpu: "' + OTHER_GPU.encode() + b'", vgpu: {' + TYPE.encode() + b": 1}}, ")
OTHER = document(gpu=OTHER_GPU)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def _vgpus(lab: Lab) -> list[str]:
    return sorted(each.parent for each in lab.host.machine.up.devices.mdevs)


def _functions(lab: Lab) -> dict[str, int]:
    return {gpu: count for gpu, count in lab.host.machine.up.devices.vfs.items() if count}


async def test_two_gpus_of_one_document_go_up_in_one_reboot_and_come_down_again(lab: Lab) -> None:
    lab.text, start = BOTH, footprint(lab.host)
    plan = (await lab.survey()).draft.plan
    assert sum(step.action is Action.REBOOT for step in plan.steps) == 1
    assert (await lab.apply(plan)).done
    assert await lab.stands()
    assert _functions(lab) == {OTHER_GPU: 16, GPU: 16}
    assert len(_vgpus(lab)) == 3
    assert (await lab.run(Purpose.ROLLBACK)).done
    assert footprint(lab.host) == start


async def test_a_vgpu_that_the_document_no_longer_asks_for_is_named_and_removed(lab: Lab) -> None:
    start = footprint(lab.host)
    await lab.run()
    first, second = _vgpus(lab)
    lab.text = ONE
    plan = (await lab.survey()).draft.plan
    (step,) = plan.steps
    assert (step.action, step.key.subject) == (Action.REMOVE, f"{GPU}#A100D-40C.1")
    assert step.reason == "the document no longer asks for it"
    assert (await lab.apply(plan)).done
    assert await lab.stands()
    assert _vgpus(lab) == [first]
    assert second not in str(footprint(lab.host)["files"])
    assert not (await lab.survey()).draft.plan.stages
    assert (await lab.run(Purpose.ROLLBACK)).done
    assert footprint(lab.host) == start


async def test_asking_for_it_again_brings_it_back_where_it_was(lab: Lab) -> None:
    await lab.run()
    before = footprint(lab.host)
    lab.text = ONE
    await lab.run()
    assert footprint(lab.host) != before
    lab.text = document()
    assert (await lab.run()).done
    assert footprint(lab.host) == before


async def test_it_is_not_removed_while_a_guest_uses_it_and_the_guest_is_named(lab: Lab) -> None:
    await lab.run()
    lab.text = ONE
    plan = (await lab.survey()).draft.plan
    second = next(each.uuid for each in lab.host.machine.up.devices.mdevs if each.parent == _vgpus(lab)[1])
    start_guest(lab, second)
    (problem,) = (await lab.survey()).problems
    assert "instance-0000002a" in problem.fact
    assert (await lab.apply(plan)).endings[HOST].outcome is Outcome.REFUSED
    assert len(_vgpus(lab)) == 2


async def test_verify_says_that_it_stands_and_should_not(lab: Lab) -> None:
    await lab.run()
    lab.text = ONE
    (found,) = [each for each in await lab.verify() if each.verdict is not Verdict.HOLDS]
    assert (found.verdict, found.check) == (Verdict.DIFFERS, f"vgpu {GPU}#A100D-40C.1")


async def test_a_gpu_that_the_document_drops_is_given_back_and_the_other_is_cut(lab: Lab) -> None:
    start = footprint(lab.host)
    await lab.run()
    lab.text = OTHER
    plan = (await lab.survey()).draft.plan
    assert [step.action for step in plan.steps][:3] == [Action.REMOVE] * 3
    assert not any(step.action is Action.REBOOT for step in plan.steps)
    assert (await lab.apply(plan)).done
    assert await lab.stands()
    assert _functions(lab) == {OTHER_GPU: 16}
    assert (await lab.run(Purpose.ROLLBACK)).done
    assert footprint(lab.host) == start


async def test_what_others_made_on_a_gpu_that_the_document_drops_keeps_its_functions_on(lab: Lab) -> None:
    lab.text = ONE
    await lab.run()
    uuid = make_by_hand(lab, "0000:65:00.6")
    lab.text = OTHER
    before = footprint(lab.host)
    assert any(uuid in each.sentence() for each in (await lab.survey()).problems)
    assert footprint(lab.host) == before


async def test_a_claim_that_somebody_edited_is_a_finding_with_its_file_and_nothing_is_touched(lab: Lab) -> None:
    await lab.run()
    path = f"{state.CLAIMS}/vgpu@{GPU}#A100D-40C.0/record"
    for text in (b"{", b'{"kind": "vgpu"}', b'{"kind": "vgpu", "vf": "*", "uuid": "*"}', b"[]"):
        lab.host.by_hand(WriteFile(path, text))
        before = footprint(lab.host)
        for purpose in (Purpose.APPLY, Purpose.ROLLBACK, Purpose.ADOPT):
            problems = (await lab.survey(purpose)).problems
            assert problems, (text, purpose)
            assert all(each.verdict is Verdict.UNKNOWN for each in problems), problems
            assert any("damaged" in each.fact for each in problems), problems
        assert footprint(lab.host) == before


async def test_a_claim_that_is_damaged_in_the_middle_ends_the_run_with_its_file(lab: Lab) -> None:
    await lab.run()
    plan = (await lab.survey(Purpose.ROLLBACK)).draft.plan
    lab.host.by_hand(WriteFile(f"{state.CLAIMS}/vgpu@{GPU}#A100D-40C.0/record", b"{"))
    ending = (await lab.apply(plan)).endings[HOST]
    assert ending.outcome is Outcome.REFUSED
    assert "is damaged" in ending.reasons[0]


async def test_defaults_that_are_a_link_are_refused_before_anything_is_written(lab: Lab) -> None:
    content = lab.host.machine.files.nodes[grub.DEFAULTS].content  # type: ignore[union-attr]  # it is a file
    lab.host.by_hand(WriteFile("/srv/grub", content))
    lab.host.by_hand(Remove(grub.DEFAULTS))
    lab.host.by_hand(MakeLink(grub.DEFAULTS, "/srv/grub"))
    (problem,) = (await lab.survey()).problems
    assert "symbolic link to /srv/grub" in problem.fact
    assert (await lab.observed()).require(ours.PROBE).claims == {}


async def test_a_host_whose_state_was_deleted_has_nothing_to_roll_back_and_its_vgpus_are_others(lab: Lab) -> None:
    await lab.run()
    for path in sorted((p for p in lab.host.machine.files.nodes if p.startswith(f"{state.ROOT}/")), reverse=True):
        lab.host.by_hand(Remove(path))
    before = footprint(lab.host)
    assert (await lab.run(Purpose.ROLLBACK)).done
    assert footprint(lab.host) == before
    problems = (await lab.survey()).problems
    assert problems
    assert all("gpucarve did not make" in each.fact and "adopt" in each.fix for each in problems)
