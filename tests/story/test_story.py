"""One fleet document turns a bare host into one with two vGPUs, and back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from gpucarve import app
from gpucarve.calls import state
from gpucarve.engine.endings import Outcome
from gpucarve.facts import boot, mediated, ours, pci
from gpucarve.facts.observed import Observed
from gpucarve.model.changes import Action
from gpucarve.model.findings import Verdict
from gpucarve.model.pci import PciAddress
from gpucarve.plan import codec
from gpucarve.plan.plans import Purpose
from gpucarve.resources.order import Stage
from gpucarve.twin import commands
from gpucarve.twin.commands.invocation import Invocation
from gpucarve.twin.faults import CommandFails, Point, SriovRefusals, SriovYield
from gpucarve.twin.machine import Files
from tests.story.lab import GPU, HOST, TYPE, Lab, document, fleet_of, footprint

pytestmark = pytest.mark.anyio


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


async def test_the_plan_for_a_bare_host_names_the_reboot_what_is_predicted_and_the_way_back(lab: Lab) -> None:
    plan = (await lab.survey()).draft.plan
    assert [(stage.stage, stage.predicted) for stage in plan.stages] == [
        (Stage.BOOT, False),
        (Stage.ENABLE_VIRTUAL_FUNCTIONS, True),
        (Stage.CREATE_VGPUS, True),
    ]
    assert [step.action for step in plan.steps] == [
        Action.CREATE,
        Action.CHANGE,
        Action.REBOOT,
        Action.CREATE,
        Action.CREATE,
        Action.CREATE,
    ]
    assert str(plan.steps[1].undo) == "restore /etc/default/grub"
    assert plan.steps[2].disruption.scope == "host"
    assert [(fact.fact, fact.value) for fact in plan.steps[3].assumes] == [("virtual functions", "16")]
    assert plan.irreversible == ()


async def test_apply_goes_through_the_reboot_to_two_vgpus_without_asking(lab: Lab) -> None:
    before = (await lab.observed()).require(boot.PROBE).boot_id
    result = await lab.run()
    assert result.done
    assert await lab.stands()
    now = await lab.observed()
    assert now.require(boot.PROBE).boot_id != before
    assert {each.parent for each in now.require(mediated.PROBE).devices.values()} == {
        PciAddress.parse("0000:65:00.4"),
        PciAddress.parse("0000:65:00.5"),
    }
    assert now.require(pci.PROBE).by_address[PciAddress.parse("0000:17:00.0")].enabled_vfs == 0, "the other card"


async def test_foreign_kernel_arguments_survive(lab: Lab) -> None:
    def foreign(observed: Observed) -> list[str]:
        return [each for each in observed.require(boot.PROBE).command_line if "iommu" not in each]

    before = foreign(await lab.observed())
    await lab.run()
    assert foreign(await lab.observed()) == before
    assert len(before) > 3


async def test_a_second_apply_writes_nothing(lab: Lab) -> None:
    await lab.run()
    machine, writes = lab.host.machine, lab.host.counts[Point.AFTER_WRITE]
    result = await lab.run()
    assert result.done
    assert lab.host.machine.files is machine.files
    assert lab.host.counts[Point.AFTER_WRITE] == writes


async def test_rollback_restores_the_exact_start_and_a_second_one_writes_nothing(lab: Lab) -> None:
    start = footprint(lab.host)
    await lab.run()
    assert footprint(lab.host) != start
    assert (await lab.run(Purpose.ROLLBACK)).done
    assert footprint(lab.host) == start
    files = lab.host.machine.files
    assert (await lab.run(Purpose.ROLLBACK)).done
    assert lab.host.machine.files is files
    assert (await lab.observed()).require(ours.PROBE).claims == {}


async def test_apply_after_rollback_stands_again(lab: Lab) -> None:
    await lab.run()
    await lab.run(Purpose.ROLLBACK)
    assert (await lab.run()).done
    assert await lab.stands()


async def test_a_saved_plan_is_applied_by_another_run(lab: Lab) -> None:
    text = json.dumps(codec.to_data((await lab.survey()).draft.plan))
    plan = codec.from_data(json.loads(text))
    assert plan == (await lab.survey()).draft.plan
    assert (await lab.apply(plan)).done
    assert await lab.stands()


async def test_a_saved_plan_that_the_facts_have_overtaken_is_not_applied(lab: Lab) -> None:
    await lab.run()
    plan = (await lab.survey()).draft.plan
    await lab.run(Purpose.ROLLBACK)
    before = footprint(lab.host)
    result = await lab.apply(plan)
    assert result.endings[HOST].outcome is Outcome.DIVERGED
    assert footprint(lab.host) == before


async def test_fewer_virtual_functions_than_predicted_stop_the_run_and_it_says_so(lab: Lab) -> None:
    lab.host.strike(SriovYield(8))
    result = await lab.run()
    ending = result.endings[HOST]
    assert ending.outcome is Outcome.DIVERGED
    assert "was predicted as 16, found 8" in ending.reasons[0]
    assert not lab.host.machine.up.devices.mdevs


async def test_the_new_number_of_virtual_functions_can_be_approved(lab: Lab) -> None:
    lab.host.strike(SriovYield(8))
    await lab.run()
    assert (await lab.run()).done
    assert await lab.stands()


@pytest.mark.parametrize("refusals", [1, 4])
async def test_a_lock_message_of_sriov_manage_is_retried(lab: Lab, refusals: int) -> None:
    lab.host.strike(SriovRefusals(refusals))
    assert (await lab.run()).done
    assert await lab.stands()


async def test_lock_messages_without_end_fail_with_the_tool_s_own_words(lab: Lab) -> None:
    lab.host.strike(SriovRefusals(50))
    ending = (await lab.run()).endings[HOST]
    assert ending.outcome is Outcome.FAILED
    assert f"Cannot obtain unbindLock for {GPU}" in ending.reasons[0]


async def test_a_vgpu_made_by_hand_is_left_alone_and_named_when_it_is_in_the_way(lab: Lab) -> None:
    await made_by_another_tool(lab)
    before = footprint(lab.host)
    uuids = [each.uuid for each in lab.host.machine.up.devices.mdevs]
    survey = await lab.survey()
    assert all(
        any(uuid in each.sentence() and "adopt" in each.sentence() for each in survey.problems) for uuid in uuids
    )
    assert (await lab.apply(survey.draft.plan)).endings[HOST].outcome is Outcome.REFUSED
    assert footprint(lab.host) == before


async def test_a_vgpu_made_by_hand_elsewhere_on_the_card_leaves_room_for_ours(lab: Lab) -> None:
    lab.text = document(f"{{{TYPE}: 1}}")
    await lab.run()
    uuid = make_by_hand(lab, "0000:65:00.5")
    assert await lab.stands()
    assert (await lab.run()).done
    assert uuid in {each.uuid for each in lab.host.machine.up.devices.mdevs}


async def test_a_rollback_that_a_vgpu_made_by_hand_would_stop_half_way_does_not_begin(lab: Lab) -> None:
    lab.text = document(f"{{{TYPE}: 1}}")
    await lab.run()
    uuid = make_by_hand(lab, "0000:65:00.6")
    before = footprint(lab.host)
    survey = await lab.survey(Purpose.ROLLBACK)
    assert any(uuid in each.sentence() for each in survey.problems)
    assert (await lab.apply(survey.draft.plan)).endings[HOST].outcome is Outcome.REFUSED
    assert footprint(lab.host) == before


async def test_what_another_tool_made_is_adopted_without_a_write_to_it(lab: Lab) -> None:
    await made_by_another_tool(lab)
    before = footprint(lab.host)
    assert (await lab.run(Purpose.ADOPT)).done
    assert footprint(lab.host) == before
    claims = (await lab.observed()).require(ours.PROBE).claims
    assert {claim["uuid"] for claim in claims.values()} == {each.uuid for each in lab.host.machine.up.devices.mdevs}
    assert await lab.stands()


async def test_what_was_adopted_stays_at_rollback_and_is_merely_let_go(lab: Lab) -> None:
    await made_by_another_tool(lab)
    before = footprint(lab.host)
    await lab.run(Purpose.ADOPT)
    assert (await lab.run(Purpose.ROLLBACK)).done
    assert footprint(lab.host) == before
    assert (await lab.observed()).require(ours.PROBE).claims == {}


async def test_a_vgpu_that_a_guest_uses_is_not_touched_and_the_guest_is_named(lab: Lab) -> None:
    await lab.run()
    start_guest(lab, lab.host.machine.up.devices.mdevs[0].uuid)
    before = footprint(lab.host)
    survey = await lab.survey(Purpose.ROLLBACK)
    assert any("instance-0000002a" in each.sentence() for each in survey.problems)
    result = await lab.apply(survey.draft.plan)
    assert result.endings[HOST].outcome is Outcome.REFUSED
    assert footprint(lab.host) == before


async def test_discover_reads_a_host_in_one_request_and_writes_nothing(lab: Lab) -> None:
    before, requests = lab.host.machine.files, lab.host.counts[Point.REQUEST]
    await lab.observed()
    assert lab.host.counts[Point.REQUEST] == requests + 1
    assert lab.host.machine.files is before


async def test_a_card_that_does_not_offer_the_type_is_refused_with_what_it_offers(lab: Lab) -> None:
    lab.text = document("{A40-8Q: 2}")
    problems = (await lab.survey()).problems
    assert [each.verdict for each in problems] == [Verdict.DIFFERS]
    assert "does not offer A40-8Q" in problems[0].fact
    assert "A100D-40C" in problems[0].rule


async def test_a_fleet_of_another_document_does_not_go_on_with_a_run_that_was_cut_off(lab: Lab) -> None:
    lab.journal.begin((await lab.survey()).draft.plan)
    assert app.unfinished(lab.journal, lab.fleet, Purpose.APPLY) is not None
    assert app.unfinished(lab.journal, fleet_of(document(f"{{{TYPE}: 1}}")), Purpose.APPLY) is None
    assert app.unfinished(lab.journal, lab.fleet, Purpose.ROLLBACK) is None


async def test_a_failing_tool_ends_the_run_with_its_words_and_the_next_run_goes_on(lab: Lab) -> None:
    lab.host.strike(CommandFails("update-grub"))
    ending = (await lab.run()).endings[HOST]
    assert ending.outcome is Outcome.FAILED
    assert "kernel-arguments" in ending.reasons[0]
    assert (await lab.run()).done
    assert await lab.stands()


async def made_by_another_tool(lab: Lab) -> None:
    """The host as the document wants it, and none of it ours: as if another tool had carved it."""
    await lab.run()
    files = {path: node for path, node in lab.host.machine.files.nodes.items() if not path.startswith(state.ROOT)}
    lab.host.machine = replace(lab.host.machine, files=Files(files))


def make_by_hand(lab: Lab, parent: str) -> str:
    """Somebody with root makes a vGPU with the host's own tools."""
    uuid = "73269d0f-b2c9-438d-8f28-f9e4bc6c6995"
    for argv in (
        ("mdevctl", "define", "--uuid", uuid, "--parent", parent, "--type", "nvidia-697"),
        ("mdevctl", "start", "--uuid", uuid),
    ):
        ran = commands.run(lab.host.machine, Invocation(argv))
        assert ran.exited.status == 0, ran
        lab.host.machine = ran.machine
    return uuid


def start_guest(lab: Lab, uuid: str) -> None:
    """A guest starts with a vGPU."""
    group = lab.host.machine.up.devices.groups[uuid]
    argv = ("qemu-system-x86_64", "-name", "guest=instance-0000002a,debug-threads=on", "-uuid", "0")
    lab.host.add_process(argv, opened=("/dev/vfio/vfio", f"/dev/vfio/{group}"))
