"""Virtual functions: when they are turned on and off, and a tool that fails, lies and is cut off."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from gpucarve.calls.predicates import Equals
from gpucarve.calls.primitives import Claim, Disown, ReadFiles, Run
from gpucarve.calls.programs import CallOutcome, Guarded
from gpucarve.calls.replies import Done, Failure, FailureKind, File, Files, Link, Links
from gpucarve.facts import driver, mig, pci
from gpucarve.model.changes import Action, DisruptionKind
from gpucarve.model.mig import MigProfileName, Placement
from gpucarve.resources.decisions import Batch, Decision, Outlook
from gpucarve.resources.host import instances, virtual_functions
from gpucarve.resources.host.virtual_functions import LOCK_MESSAGE, NoVirtualFunctions, VirtualFunctions
from tests.resources import sights
from tests.resources.sights import (
    FOREIGN,
    GPU,
    HOST,
    LOST,
    OK,
    STOPPED,
    VFS,
    WRITTEN,
    Driven,
    Sight,
    change,
    claim,
    decide,
    exited,
    fact,
    functions,
    settled,
    uuid,
    vgpus,
    without,
)

KEY = virtual_functions.key(HOST, GPU)
ON = VirtualFunctions(KEY, GPU, 2)
OFF = NoVirtualFunctions(KEY, GPU, "rolled back")
CLAIM = {KEY.local: {"kind": "virtual-functions", "gpu": str(GPU), "enabled_before": 0}}
NONE_ENABLED = (Equals(pci.sysfs(GPU, "sriov_numvfs"), "0"),)


# --- deciding


def test_enough_of_them_are_settled_and_say_how_many_there_are() -> None:
    decision = settled(decide(ON))
    assert [(each.fact, each.value) for each in decision.knows] == [("virtual functions", "4")]


def test_none_of_them_are_turned_on_and_all_are_predicted() -> None:
    decision = change(decide(ON, Sight(functions=functions(0))))
    assert decision.work is not None
    assert [each.value for each in decision.assumes] == ["4"]
    assert (decision.disruption.kind, decision.disruption.scope) == (DisruptionKind.DRIVER_RELOAD, str(GPU))
    assert decision.preconditions == NONE_ENABLED


@pytest.mark.parametrize(
    "outlook", [Outlook(reboot=True), Outlook(unsettled=frozenset({sights.claimless("mig-mode")}))]
)
def test_what_a_reboot_before_wipes_is_predicted_only(outlook: Outlook) -> None:
    needy = VirtualFunctions(KEY, GPU, 2, (sights.claimless("mig-mode"),))
    decision = change(decide(needy, Sight(), outlook))
    assert decision.work is None
    assert decision.before == "0 virtual functions"


def test_one_more_link_than_is_missing_is_not_enough() -> None:
    few = without(functions(4), virtual_functions=VFS[:1])
    assert "4 virtual functions, 2 vGPUs are asked for" in fact(decide(ON, Sight(functions=few)))


@pytest.mark.parametrize(
    ("sight", "said"),
    [
        (Sight(functions=functions(0, total=1)), "can have 1 virtual function, 2 vGPUs are asked for"),
        (Sight(functions=functions(0, bound="vfio-pci")), "is bound to vfio-pci"),
        (Sight(functions=functions(0, bound="")), "is bound to no driver"),
        (Sight(functions=functions(0), driver=driver.Driver("", True, True, True)), "NVIDIA's driver is not loaded"),
        (Sight(functions=functions(0), driver=driver.Driver("525.1", False, True, True)), "sriov-manage is missing"),
        (Sight(functions=functions(1)), "has 1 virtual function, 2 vGPUs are asked for"),
    ],
)
def test_a_gpu_that_cannot_have_them_is_refused_before_anything_is_done(sight: Sight, said: str) -> None:
    assert said in fact(decide(ON, sight))


def test_without_a_claim_none_are_turned_off() -> None:
    settled(decide(OFF))


def test_ours_are_turned_off() -> None:
    decision = change(decide(OFF, Sight(claims=CLAIM)))
    assert (decision.action, decision.reason) == (Action.REMOVE, "rolled back")
    assert decision.disruption.kind is DisruptionKind.DRIVER_RELOAD


def test_when_none_are_left_only_the_claim_goes() -> None:
    decision = change(decide(OFF, Sight(claims=CLAIM, functions=functions(0))))
    assert (decision.action, decision.disruption.kind) == (Action.RELEASE, DisruptionKind.NONE)


def test_they_wait_for_the_vgpus_on_them_to_go() -> None:
    needy = NoVirtualFunctions(KEY, GPU, "rolled back", (sights.claimless("vgpu"),))
    outlook = Outlook(unsettled=frozenset(needy.needs))
    assert change(decide(needy, Sight(claims=CLAIM), outlook)).work is None
    assert change(decide(needy, Sight(claims=CLAIM))).work is not None


def test_others_vgpus_keep_them_on() -> None:
    sight = Sight(claims=CLAIM, mediated=vgpus({FOREIGN: VFS[3]}))
    assert FOREIGN in fact(decide(OFF, sight))


def test_adopted_vgpus_keep_them_on_since_nobody_would_make_them_again() -> None:
    sight = Sight(claims=CLAIM | claim(0, adopted=True), mediated=vgpus({uuid(0): VFS[0]}))
    assert uuid(0) in fact(decide(OFF, sight))


def test_our_own_vgpus_do_not_keep_them_on() -> None:
    change(decide(OFF, Sight(claims=CLAIM | claim(0), mediated=vgpus({uuid(0): VFS[0]}))))


def test_others_vgpus_on_another_gpu_do_not_keep_them_on() -> None:
    change(decide(OFF, Sight(claims=CLAIM, mediated=vgpus({FOREIGN: sights.OTHER_GPU}))))


def test_one_that_is_passed_through_keeps_them_on() -> None:
    sight = Sight(claims=CLAIM, functions=functions(4, vf_driver="vfio-pci"))
    assert f"{VFS[0]} is bound to vfio-pci" in fact(decide(OFF, sight))


HALF = mig.GpuInstance(2, MigProfileName.parse("3g.40gb"), 9, Placement(4, 4))
HALF_KEY = instances.key(HOST, GPU, HALF.profile, HALF.placement)


def _half(*, adopted: bool) -> dict[str, dict[str, Any]]:
    """The claim of that instance."""
    return {HALF_KEY.local: json.loads(instances.record(instances.Place(GPU, HALF.profile, HALF.placement, adopted)))}


@pytest.mark.parametrize("claims", [{}, _half(adopted=True)])
@pytest.mark.parametrize(("resource", "on"), [(ON, 0), (OFF, 4)])
def test_gpu_instances_that_others_made_keep_them_from_being_switched(
    resource: VirtualFunctions | NoVirtualFunctions, on: int, claims: dict[str, dict[str, Any]]
) -> None:
    sight = Sight(functions=functions(on), mig=sights.modes(True, True, (HALF,)), claims=CLAIM | claims)
    assert "switching virtual functions wipes them: 3g.40gb at 4:4" in fact(decide(resource, sight))


@pytest.mark.parametrize(("resource", "on"), [(ON, 0), (OFF, 4)])
def test_our_own_do_not_since_they_are_made_again(resource: VirtualFunctions | NoVirtualFunctions, on: int) -> None:
    claims = CLAIM | _half(adopted=False)
    change(decide(resource, Sight(functions=functions(on), mig=sights.modes(True, True, (HALF,)), claims=claims)))


# --- doing


@dataclass
class Card:
    """A GPU and its tool: each attempt is what `attempts` says next, as a number of functions or an outcome."""

    attempts: list[int | CallOutcome] = field(default_factory=list)
    enabled: int = 0
    readable: bool = True
    ran: list[tuple[str, ...]] = field(default_factory=list)
    after_write: Callable[[Card], None] = lambda _card: None

    def reads(self, request: Any) -> Any:
        counter = pci.sysfs(GPU, "sriov_numvfs")
        if not self.readable:
            return tuple(Failure(FailureKind.UNREACHABLE) for _ in request)
        return tuple(
            Files((File(counter, f"{self.enabled}\n".encode()),))
            if isinstance(read, ReadFiles)
            else Links(tuple(Link(pci.sysfs(GPU, f"virtfn{number}"), "x") for number in range(self.enabled)))
            for read in request
        )

    def programs(self, request: tuple[Guarded, ...]) -> tuple[CallOutcome, ...]:
        (each,) = request
        if not isinstance(each.write, Run):
            return (WRITTEN if self._holds(each) else STOPPED,)
        if not self._holds(each):
            return (STOPPED,)
        self.ran.append(each.write.argv)
        attempt = self.attempts.pop(0)
        self.after_write(self)
        if isinstance(attempt, int):
            self.enabled = attempt
            return (OK,)
        return (attempt,)

    def _holds(self, guarded: Guarded) -> bool:
        assert guarded.before, f"{guarded.write} has no guard"
        return all(isinstance(each, Equals) and each.value == str(self.enabled) for each in guarded.before)


def _run(decision: Decision, card: Card) -> tuple[Done | Failure, Driven]:
    work = change(decision).work
    assert work is not None
    assert not isinstance(work, Batch)
    driven = Driven(card.reads, card.programs)
    return driven.run(work()), driven


TURN_ON = decide(ON, Sight(functions=functions(0)))
TURN_OFF = decide(OFF, Sight(claims=CLAIM))
REFUSAL = exited(1, f"{LOCK_MESSAGE} for {GPU}")


def test_they_are_claimed_and_then_turned_on_once() -> None:
    result, driven = _run(TURN_ON, card := Card([4]))
    assert isinstance(result, Done)
    assert card.ran == [(driver.SRIOV_MANAGE, "-e", str(GPU))]
    assert [type(asked[0].write) for asked in driven.asked] == [Claim, Run]
    assert driven.asked[0][0].before == NONE_ENABLED


def test_their_claim_brings_them_back_after_a_boot() -> None:
    _, driven = _run(TURN_ON, Card([4]))
    claimed = driven.asked[0][0].write
    assert isinstance(claimed, Claim)
    assert json.loads(claimed.record)["boot"] == f"virtual-functions {GPU}"


def test_those_that_somebody_turned_on_meanwhile_are_neither_claimed_nor_turned_on_again() -> None:
    result, _ = _run(TURN_ON, card := Card([4], enabled=4))
    assert isinstance(result, Failure)
    assert result.kind is FailureKind.CONFLICT
    assert card.ran == []


def test_after_a_crash_in_between_none_that_are_on_are_turned_on_again() -> None:
    card = Card([4])
    card_programs = card.programs

    def programs(request: tuple[Guarded, ...]) -> tuple[CallOutcome, ...]:
        outcome = card_programs(request)
        card.enabled = 4  # the orphan of the run before, right after the claim
        return outcome

    work = change(TURN_ON).work
    assert work is not None
    assert not isinstance(work, Batch)
    assert isinstance(Driven(card.reads, programs).run(work()), Done)
    assert card.ran == []


@pytest.mark.parametrize("refusals", [1, 4])
def test_its_lock_message_is_retried_with_growing_pauses(refusals: int) -> None:
    result, driven = _run(TURN_ON, card := Card([*[REFUSAL] * refusals, 4]))
    assert isinstance(result, Done)
    assert len(card.ran) == refusals + 1
    assert driven.time >= sum(4.0 * attempt for attempt in range(1, refusals + 1))


def test_its_lock_message_without_end_is_a_failure_with_its_words_after_five_attempts() -> None:
    result, _ = _run(TURN_ON, card := Card([REFUSAL] * 9))
    assert isinstance(result, Failure)
    assert LOCK_MESSAGE in result.detail
    assert len(card.ran) == 5


def test_another_message_is_not_retried() -> None:
    result, _ = _run(TURN_ON, card := Card([exited(1, "GPU is in use")] * 9))
    assert result == Failure(FailureKind.OTHER, "ended with 1: GPU is in use")
    assert len(card.ran) == 1


def test_a_success_that_made_nothing_is_tried_again_and_is_a_failure_in_the_end() -> None:
    result, driven = _run(TURN_ON, card := Card([0] * 9))
    assert isinstance(result, Failure)
    assert "nothing changed" in result.detail
    assert len(card.ran) == 5
    assert driven.time < 600


def test_fewer_than_there_should_be_are_left_to_the_plan_to_judge() -> None:
    result, _ = _run(TURN_ON, card := Card([2]))
    assert isinstance(result, Done)
    assert len(card.ran) == 1


def test_a_host_that_goes_away_in_the_middle_is_nothing_to_judge_by() -> None:
    def away(card: Card) -> None:
        card.readable = False

    result, _ = _run(TURN_ON, Card([4], after_write=away))
    assert isinstance(result, Failure)
    assert result.kind is FailureKind.UNREACHABLE


def test_a_counter_that_cannot_be_read_stops_before_the_tool_is_run() -> None:
    result, _ = _run(TURN_OFF, card := Card([0], enabled=4, readable=False))
    assert isinstance(result, Failure)
    assert result.kind is FailureKind.UNREACHABLE
    assert card.ran == []


def test_a_lost_reply_is_not_retried_here() -> None:
    result, _ = _run(TURN_ON, card := Card([LOST, 4]))
    assert isinstance(result, Failure)
    assert result.kind is FailureKind.UNREACHABLE
    assert len(card.ran) == 1


def test_they_are_turned_off_and_then_let_go() -> None:
    result, driven = _run(TURN_OFF, card := Card([0], enabled=4))
    assert isinstance(result, Done)
    assert card.ran == [(driver.SRIOV_MANAGE, "-d", str(GPU))]
    assert driven.asked[-1] == (Guarded(Disown(KEY.local), before=NONE_ENABLED),)


def test_those_that_are_off_already_are_let_go_without_the_tool() -> None:
    result, _ = _run(decide(OFF, Sight(claims=CLAIM, functions=functions(0))), card := Card())
    assert isinstance(result, Done)
    assert card.ran == []


def test_those_that_stay_on_are_not_let_go() -> None:
    result, driven = _run(TURN_OFF, Card([exited(1, "busy")], enabled=4))
    assert isinstance(result, Failure)
    assert not any(isinstance(each.write, Disown) for asked in driven.asked for each in asked)
