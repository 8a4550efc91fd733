"""From decisions to stages: order, outlook, one reboot a host, and nothing on what cannot be known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gpucarve.facts import users
from gpucarve.facts.observed import Observed, Unknown, Unreadable
from gpucarve.model.changes import Action, Assumption
from gpucarve.model.findings import Finding, Verdict
from gpucarve.model.hosts import Target
from gpucarve.plan.making import Aim, Draft, make
from gpucarve.plan.plans import Purpose
from gpucarve.resources.decisions import Batch, Blocked, Change, Outlook, Resource, Settled
from gpucarve.resources.host import gpu_clients, reboot
from gpucarve.resources.order import Stage
from tests.plan.resources import Thing, key, some
from tests.resources.sights import HOST, Sight

OTHER = Target("lab", "gpu-2")
SEEN = Assumption("f", "k", "v")
BLOCK = Blocked((Finding(HOST, "x", Verdict.DIFFERS, "a fact", "a rule", "a fix"),))


def _draft(
    *resources: Any, hosts: tuple[Target, ...] = (HOST,), unsettled: Any = (), sight: Sight | None = None
) -> Draft:
    seen = (sight or Sight()).observed()
    return make(
        Aim("lab", "digest", Purpose.APPLY, resources),
        {target: Observed(target, seen.facts) for target in hosts},
        unsettled,
    )


def _steps(draft: Draft) -> list[str]:
    return [f"{step.key.target.name} {step.key.kind}" for step in draft.plan.steps]


def test_steps_come_in_the_order_of_their_stages_whatever_the_order_they_are_given_in() -> None:
    resources = [
        Thing(key(HOST, stage.name.lower().replace("_", "-")), stage, some()) for stage in sorted(Stage, reverse=True)
    ]
    draft = _draft(*resources)
    assert [stage.stage for stage in draft.plan.stages] == sorted(Stage)


def test_stages_of_two_hosts_stay_apart() -> None:
    both = [Thing(key(host, "vgpu"), Stage.CREATE_VGPUS, some()) for host in (OTHER, HOST)]
    draft = _draft(*both, hosts=(HOST, OTHER))
    assert [(stage.target, len(stage.steps)) for stage in draft.plan.stages] == [(HOST, 1), (OTHER, 1)]
    assert draft.plan.targets == (HOST, OTHER)
    assert replace(draft.plan, resources=()).targets == (HOST, OTHER), "a step of the planner's own is enough"


def test_what_is_settled_has_no_step_and_what_is_not_seen_is_not_asked() -> None:
    draft = _draft(Thing(key(HOST, "a"), Stage.BOOT, Settled("stands")), Thing(key(OTHER, "b"), Stage.BOOT, some()))
    assert _steps(draft) == []
    assert draft.settled == {key(HOST, "a")}
    assert list(draft.decisions) == [key(HOST, "a")]


def test_a_resource_knows_what_it_needs_that_does_not_stand_and_whether_a_reboot_comes() -> None:
    heard: list[Outlook] = []

    def listen(outlook: Outlook) -> Settled:
        heard.append(outlook)
        return Settled("")

    first, far = Thing(key(HOST, "first"), Stage.BOOT, some(takes_reboot=True)), key(OTHER, "far")
    needs = (first.key, far)
    _draft(
        Thing(key(HOST, "before"), Stage.REMOVE_VGPUS, listen, needs),
        first,
        Thing(key(HOST, "after"), Stage.CREATE_VGPUS, listen, needs),
        Thing(key(HOST, "alone"), Stage.CREATE_VGPUS, listen),
        Thing(key(OTHER, "elsewhere"), Stage.CREATE_VGPUS, listen, needs),
        hosts=(HOST, OTHER),
        unsettled={far},
    )
    assert [outlook.reboot for outlook in heard] == [False, True, True, False]
    assert [outlook.unsettled for outlook in heard] == [{far}, set(needs), set(), set(needs)]


def test_a_blocked_one_is_not_settled_for_those_after_it_and_says_why() -> None:
    heard: list[Outlook] = []

    def listen(outlook: Outlook) -> Settled:
        heard.append(outlook)
        return Settled("")

    first = Thing(key(HOST, "first"), Stage.BOOT, BLOCK)
    draft = _draft(first, Thing(key(HOST, "second"), Stage.CREATE_VGPUS, listen, (first.key,)))
    assert heard[0].unsettled == {first.key}
    assert draft.blocked == BLOCK.findings
    assert _steps(draft) == []


def test_one_reboot_serves_all_that_wait_for_one_at_the_end_of_the_boot_stage() -> None:
    draft = _draft(
        *(Thing(key(HOST, kind), Stage.BOOT, some(takes_reboot=True)) for kind in ("z-modules", "arguments")),
        Thing(key(HOST, "vgpu"), Stage.CREATE_VGPUS, some()),
    )
    assert _steps(draft) == ["gpu-1 arguments", "gpu-1 z-modules", "gpu-1 reboot", "gpu-1 vgpu"]
    (step,) = [each for each in draft.plan.steps if each.action is Action.REBOOT]
    assert step.reason == "arguments takes effect at boot; z-modules takes effect at boot"
    assert reboot.key(HOST) in draft.work


def test_a_host_that_needs_no_reboot_gets_none_beside_one_that_does() -> None:
    draft = _draft(
        Thing(key(HOST, "arguments"), Stage.BOOT, some(takes_reboot=True)),
        Thing(key(OTHER, "arguments"), Stage.BOOT, some()),
        hosts=(HOST, OTHER),
    )
    assert _steps(draft) == ["gpu-1 arguments", "gpu-1 reboot", "gpu-2 arguments"]


def test_what_is_written_and_waits_for_its_reboot_alone_is_that_reboot() -> None:
    draft = _draft(Thing(key(HOST, "arguments"), Stage.BOOT, some(takes_reboot=True, work=Batch(()))))
    assert _steps(draft) == ["gpu-1 reboot"]
    draft = _draft(Thing(key(HOST, "arguments"), Stage.BOOT, some(takes_reboot=True)))
    assert _steps(draft) == ["gpu-1 arguments", "gpu-1 reboot"]


def test_a_change_without_work_is_predicted_and_cannot_be_run() -> None:
    draft = _draft(
        Thing(key(HOST, "now"), Stage.CREATE_VGPUS, some()),
        Thing(key(HOST, "then"), Stage.CREATE_VGPUS, some(work=None)),
    )
    assert [(step.key.kind, step.predicted) for step in draft.plan.steps] == [("now", False), ("then", True)]
    assert list(draft.work) == [key(HOST, "now")]
    assert draft.plan.stages[0].predicted


def test_a_fact_that_cannot_be_read_blocks_the_one_that_needs_it() -> None:
    def fail(_outlook: Outlook) -> Change:
        raise Unreadable("the disk is gone")

    draft = _draft(Thing(key(HOST, "a"), Stage.BOOT, fail), Thing(key(HOST, "b"), Stage.BOOT, some()))
    (finding,) = draft.blocked
    assert (finding.verdict, finding.fact, finding.check) == (Verdict.UNKNOWN, "the disk is gone", "a")
    assert _steps(draft) == ["gpu-1 b"]


def test_a_step_carries_what_its_resource_said() -> None:
    said = some(assumes=(Assumption("f", "k", "v"),), reason="why", before="a", after="b")
    needs = (key(OTHER, "x"),)
    (step,) = _draft(Thing(key(HOST, "a"), Stage.BOOT, said, needs)).plan.steps
    assert (step.reason, step.before, step.after, step.assumes, step.needs) == ("why", "a", "b", said.assumes, needs)


@pytest.mark.parametrize("decision", [Settled("", (SEEN,)), some(knows=(SEEN,))])
def test_what_can_be_seen_now_is_known_whoever_saw_it(decision: Settled | Change) -> None:
    resource: Resource = Thing(key(HOST, "a"), Stage.BOOT, decision)  # type: ignore[assignment]  # its stage is its own
    assert _draft(resource).knows == {(HOST, SEEN.fact, SEEN.key): SEEN.value}


# --- GPU clients around changes that need idle GPUs

DAEMON = "nvidia-persistenced"
BUILD, TAKE = Stage.SET_MIG_MODE, Stage.LEAVE_MIG_MODE


def _with_service(*, active: bool = True, claimed: bool = False) -> Sight:
    claims = {f"gpu-clients@{DAEMON}": {"kind": "gpu-clients"}} if claimed else {}
    return Sight(users=users.Users(services={DAEMON: users.Service(active)}), claims=claims)


def _around(draft: Draft) -> list[tuple[Stage, str, bool]]:
    """The steps of clients: stage, subject, and whether they are only foretold."""
    return [
        (stage.stage, step.key.subject, step.predicted)
        for stage in draft.plan.stages
        for step in stage.steps
        if step.key.kind == gpu_clients.KIND
    ]


def _quiet(stage: Stage, **fields: Any) -> Thing:
    return Thing(key(HOST, stage.name.lower()), stage, some(quiet=True, **fields))


def test_clients_go_on_through_changes_that_leave_them_alone() -> None:
    assert _around(_draft(Thing(key(HOST, "vgpu"), Stage.CREATE_VGPUS, some()), sight=_with_service())) == []


@pytest.mark.parametrize(("stage", "stopped"), [(TAKE, Stage.QUIESCE), (BUILD, Stage.QUIESCE_AGAIN)])
def test_clients_are_stopped_before_the_first_change_that_needs_it_and_started_after_the_last(
    stage: Stage, stopped: Stage
) -> None:
    draft = _draft(_quiet(stage), sight=_with_service())
    assert [(each, predicted) for each, _, predicted in _around(draft)] == [
        (stopped, False),
        (Stage.RESUME_CLIENTS, True),
    ]
    assert len([step for step in draft.plan.steps if step.key in draft.work]) == 2


def test_a_host_without_such_services_has_no_such_steps() -> None:
    for takes_reboot in (False, True):
        boot = Thing(key(HOST, "arguments"), Stage.BOOT, some(takes_reboot=takes_reboot))
        assert _around(_draft(boot, _quiet(BUILD))) == []


def test_one_stop_serves_what_is_taken_away_and_what_is_built_up_unless_a_boot_lies_between() -> None:
    one = _draft(_quiet(TAKE), _quiet(BUILD), sight=_with_service())
    assert [stage for stage, *_ in _around(one)] == [Stage.QUIESCE, Stage.RESUME_CLIENTS]
    (stop, _) = (step for step in one.plan.steps if step.key.kind == gpu_clients.KIND)
    assert stop.reason.endswith("leave_mig_mode, set_mig_mode")
    boot = Thing(key(HOST, "arguments"), Stage.BOOT, some(takes_reboot=True))
    two = _draft(_quiet(TAKE), boot, _quiet(BUILD), sight=_with_service())
    assert [(stage, predicted) for stage, _, predicted in _around(two)] == [
        (Stage.QUIESCE, False),
        (Stage.QUIESCE_AGAIN, True),
        (Stage.RESUME_CLIENTS, True),
    ]


def test_what_a_run_that_was_cut_off_has_stopped_is_started_once_nothing_needs_it_any_more() -> None:
    sight = _with_service(active=False, claimed=True)
    waits = _draft(_quiet(BUILD), sight=sight)
    assert _around(waits) == [(Stage.RESUME_CLIENTS, "started", True)]
    done = _draft(sight=sight)
    assert _around(done) == [(Stage.RESUME_CLIENTS, "started", False)]
    assert gpu_clients.started(HOST) in done.work


def test_clients_that_cannot_be_told_block_the_changes_that_need_them_stopped_and_no_others() -> None:
    sight = Sight(users=Unknown("systemctl show: exit 1"))
    (finding,) = _draft(_quiet(BUILD), sight=sight).blocked
    assert (finding.verdict, finding.fact) == (Verdict.UNKNOWN, "systemctl show: exit 1")
    assert not _draft(Thing(key(HOST, "vgpu"), Stage.CREATE_VGPUS, some()), sight=sight).blocked
