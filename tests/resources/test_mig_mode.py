"""MIG modes: when they are changed and changed back, and a tool that warns, refuses and lies."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from gpucarve.calls.primitives import Claim, Disown, Run
from gpucarve.calls.programs import CallOutcome, Guarded
from gpucarve.calls.replies import Done, Exited, Failure, FailureKind, File, Files, Holders, Links
from gpucarve.facts import mig, pci, users
from gpucarve.facts.observed import Unknown, Unreadable
from gpucarve.model.changes import Action, DisruptionKind
from gpucarve.model.mig import MigProfileName, Placement
from gpucarve.resources.decisions import Outlook
from gpucarve.resources.host import mig_mode, vfio_binding, virtual_functions
from gpucarve.resources.host.mig_mode import MigMode, MigModeAsBefore
from tests.resources import sights
from tests.resources.sights import (
    FOREIGN,
    GPU,
    HOST,
    LOST,
    OK,
    VFS,
    WRITTEN,
    Driven,
    Sight,
    change,
    decide,
    exited,
    fact,
    functions,
    modes,
    settled,
    uuid,
    vgpus,
)

KEY = mig_mode.key(HOST, GPU)
ON, OFF = MigMode(KEY, GPU, True, True), MigMode(KEY, GPU, False, True)
ON_HOPPER = MigMode(KEY, GPU, True, False)
BACK = MigModeAsBefore(KEY, GPU, "rolled back")
CLAIM: dict[str, Any] = {"kind": "mig-mode", "gpu": str(GPU), "before": False, "takes_reset": True}
OURS = {KEY.local: CLAIM | {"boot": f"mig-mode {GPU} on"}}
OUR_FUNCTIONS = {virtual_functions.key(HOST, GPU).local: {"kind": "virtual-functions", "gpu": str(GPU)}}
HALF = mig.GpuInstance(2, MigProfileName.parse("3g.40gb"), 9, Placement(4, 4))
BARE = functions(0)
PENDING = modes(current=False, pending=True)


def _sight(seen: mig.Mig, claims: dict[str, dict[str, Any]] | None = None, **more: Any) -> Sight:
    return Sight(**({"functions": BARE} | more), mig=seen, claims=claims or {})


# --- deciding


def test_a_mode_in_force_is_settled_and_said() -> None:
    assert [str(each) for each in settled(decide(ON, _sight(modes(True, True)))).knows] == [f"MIG mode of {GPU}: on"]
    settled(decide(OFF, _sight(modes())))


def test_a_mode_that_is_only_pending_is_not_there_yet() -> None:
    decision = change(decide(ON, _sight(PENDING)))
    assert decision.before == "MIG mode off, on after a reset"
    assert decision.work is not None


def test_a_change_resets_the_gpu_alone_and_needs_it_idle() -> None:
    decision = change(decide(ON, _sight(modes())))
    assert (decision.disruption.kind, decision.disruption.scope) == (DisruptionKind.GPU_RESET, str(GPU))
    assert decision.quiet
    assert [(each.fact, each.value) for each in decision.assumes] == [("MIG mode", "on")]


@pytest.mark.parametrize(("wanted", "survives"), [(ON, True), (ON_HOPPER, False)])
def test_a_reboot_leaves_the_mode_where_the_board_keeps_it(wanted: MigMode, survives: bool) -> None:
    decision = decide(wanted, _sight(modes(True, True)), Outlook(reboot=True))
    if survives:
        settled(decision)
    else:
        assert (change(decision).work, change(decision).before) == (None, "MIG mode off, as every boot leaves it")


def test_off_outlasts_every_reboot() -> None:
    settled(decide(MigMode(KEY, GPU, False, False), _sight(modes()), Outlook(reboot=True)))


def test_what_comes_before_is_waited_for() -> None:
    outlook = Outlook(unsettled=frozenset({sights.claimless("vgpu")}))
    blocking = _sight(modes(True, True, (HALF,)))
    assert change(decide(OFF, blocking, outlook)).work is None


def test_a_gpu_without_mig_is_as_wanted_without_it_and_refused_with_it() -> None:
    nothing = _sight(modes(None, None))
    settled(decide(OFF, nothing))
    assert "has no MIG" in fact(decide(ON, nothing))


def test_a_gpu_that_the_driver_does_not_hold_is_named() -> None:
    sight = _sight(mig.Mig(), functions=functions(0, bound="vfio-pci"))
    assert "does not list 0000:65:00.0, which is bound to vfio-pci" in fact(decide(ON, sight))


@pytest.mark.parametrize("driver", ["vfio-pci", "nouveau", ""])
def test_where_nvidias_driver_does_not_have_the_gpu_there_is_no_mode_to_leave(driver: str) -> None:
    sight = _sight(mig.Mig({}), functions=functions(0, bound=driver))
    assert (driver or "no driver") in settled(decide(OFF, sight)).note
    assert f"bound to {driver or 'no driver'}" in fact(decide(ON, sight))


def test_the_way_back_waits_for_a_gpu_that_guests_have_where_its_mode_was_another_before() -> None:
    binding = Outlook(unsettled=frozenset({vfio_binding.key(HOST, GPU)}))
    away: dict[str, Any] = {"seen": mig.Mig({}), "functions": functions(0, bound="vfio-pci")}
    on_before = _sight(claims={KEY.local: CLAIM | {"before": True}}, **away)
    decision = change(decide(BACK, on_before, binding))
    assert (decision.action, decision.work, decision.quiet) == (Action.CHANGE, None, True)
    assert change(decide(BACK, _sight(claims=OURS, **away), binding)).action is Action.RELEASE


def test_a_mode_that_is_off_needs_nothing_at_boot() -> None:
    _, driven = _drive(Card([(False, False, OK)], current=True, pending=True), OFF, _sight(modes(True, True)))
    claim = driven.asked[0][0].write
    assert isinstance(claim, Claim)
    assert "boot" not in claim.record


def test_a_mode_that_cannot_be_read_decides_nothing() -> None:
    with pytest.raises(Unreadable):
        decide(ON, Sight(mig=Unknown("it timed out")))


@pytest.mark.parametrize("wanted", [OFF, BACK])
def test_instances_of_others_keep_a_gpu_in_mig_mode(wanted: MigMode | MigModeAsBefore) -> None:
    said = fact(decide(wanted, _sight(modes(True, True, (HALF,)), OURS)))
    assert "GPU instances that gpucarve did not make stand on 0000:65:00.0: 2 (3g.40gb at 4:4)" in said


def test_functions_that_others_turned_on_are_theirs_to_turn_off() -> None:
    sight = _sight(modes(), functions=functions(4))
    assert "4 virtual functions that gpucarve did not enable" in fact(decide(ON, sight))


@pytest.mark.parametrize(("device", "said"), [(FOREIGN, "did not make stand on"), (uuid(0), "vGPUs stand on")])
def test_a_vgpu_on_our_functions_keeps_the_mode(device: str, said: str) -> None:
    claims = OUR_FUNCTIONS | (sights.claim(0) if device == uuid(0) else {})
    sight = _sight(modes(), claims, functions=functions(4), mediated=vgpus({device: VFS[0]}))
    assert said in fact(decide(ON, sight))


def test_our_empty_functions_do_not() -> None:
    assert change(decide(ON, _sight(modes(), OUR_FUNCTIONS, functions=functions(4)))).work is not None


def test_without_a_claim_nothing_is_changed_back() -> None:
    settled(decide(BACK, _sight(modes(True, True))))


def test_a_mode_that_is_as_before_already_only_loses_its_claim() -> None:
    decision = change(decide(BACK, _sight(modes(), OURS)))
    assert (decision.action, decision.quiet) == (Action.RELEASE, False)
    assert decision.disruption.kind is DisruptionKind.NONE
    assert change(decide(BACK, _sight(mig.Mig(), OURS))).action is Action.RELEASE


@pytest.mark.parametrize("missing", ["before", "takes_reset"])
def test_a_damaged_claim_decides_nothing(missing: str) -> None:
    damaged = {KEY.local: {name: value for name, value in CLAIM.items() if name != missing}}
    with pytest.raises(Unreadable):
        decide(BACK, _sight(modes(True, True), damaged))


# --- doing


@dataclass
class Card:
    """A GPU and its tool: `answers` are what the commands do in turn: the modes after it, and what the tool says."""

    answers: list[tuple[bool, bool, CallOutcome]]
    current: bool = False
    pending: bool = False
    enabled: int = 0
    readable: bool = True
    ran: list[str] = field(default_factory=list)

    def reads(self, request: Any) -> Any:
        if request == users.PROBE.reads:
            return tuple(_nobody(read) for read in request)
        if request == mig.PROBE.reads:
            if not self.readable:
                return tuple(Failure(FailureKind.TIMED_OUT) for _ in request)
            words = ["Enabled" if mode else "Disabled" for mode in (self.current, self.pending)]
            nothing = Exited(6, b"No GPU instances found: Not Found\n")
            return Exited(0, f"1, 00000000:65:00.0, {', '.join(words)}\n".encode()), nothing, nothing
        return Files((File(pci.sysfs(GPU, "sriov_numvfs"), f"{self.enabled}\n".encode()),)), Links(())

    def programs(self, request: tuple[Guarded, ...]) -> tuple[CallOutcome, ...]:
        (each,) = request
        if not isinstance(each.write, Run):
            return (WRITTEN,)
        self.ran.append(" ".join(each.write.argv[3:]))
        self.current, self.pending, outcome = self.answers.pop(0)
        return (outcome,)


def _nobody(read: Any) -> Any:
    if read == users.HOLDERS:
        return Holders(())
    return Links(()) if type(read).__name__ == "ReadLinks" else Files(()) if hasattr(read, "patterns") else Exited(0)


WARNED = CallOutcome(OK.state, Exited(0, b"Warning: MIG mode is in pending enable state for GPU 00000000:65:00.0:x\n"))
BUSY = exited(255, "GPU 00000000:65:00.0: In use by another client")


def _drive(card: Card, resource: MigMode | MigModeAsBefore, sight: Sight) -> tuple[Done | Failure, Driven]:
    driven = Driven(card.reads, card.programs)
    decision = change(decide(resource, sight))
    assert callable(decision.work)
    return driven.run(decision.work()), driven


def test_the_claim_says_before_and_boot_and_comes_first() -> None:
    result, driven = _drive(Card([(True, True, OK)]), ON, _sight(modes()))
    assert result == Done()
    claim = driven.asked[0][0].write
    assert isinstance(claim, Claim)
    assert f'"boot": "mig-mode {GPU} on"' in claim.record
    assert '"before": false' in claim.record
    assert driven.commands()[1:] == [f"nvidia-smi -i {GPU} -mig 1"]


def test_a_pending_change_is_brought_into_force_by_a_reset() -> None:
    card = Card([(False, True, WARNED), (True, True, OK)])
    assert _drive(card, ON, _sight(modes()))[0] == Done()
    assert card.ran == ["-mig 1", "--gpu-reset"]


def test_a_change_that_is_pending_since_before_is_not_set_again() -> None:
    card = Card([(True, True, OK)], pending=True)
    assert _drive(card, ON, _sight(PENDING))[0] == Done()
    assert card.ran == ["--gpu-reset"]


def test_who_is_there_for_moments_is_waited_for() -> None:
    card = Card([(False, True, WARNED), (False, True, BUSY), (True, True, OK)])
    result, driven = _drive(card, ON, _sight(modes()))
    assert result == Done()
    assert driven.time > 0


def test_a_gpu_that_stays_busy_ends_it_after_a_few_tries_with_the_tools_words() -> None:
    card = Card([(False, True, WARNED), *[(False, True, BUSY)] * 20])
    result, _ = _drive(card, ON, _sight(modes()))
    assert isinstance(result, Failure)
    assert "In use by another client" in result.detail
    assert card.ran.count("--gpu-reset") == 4


def test_a_mode_that_was_not_set_is_set_again_and_no_gpu_is_reset_for_it() -> None:
    card = Card([(False, False, exited(1, "it failed")), (False, True, WARNED), (True, True, OK)])
    assert _drive(card, ON, _sight(modes()))[0] == Done()
    assert card.ran == ["-mig 1", "-mig 1", "--gpu-reset"]


def test_newer_gpus_are_never_reset() -> None:
    card = Card([(False, False, exited(19, "In use by another client")), (True, True, OK)])
    assert _drive(card, ON_HOPPER, _sight(modes()))[0] == Done()
    assert card.ran == ["-mig 1", "-mig 1"]


def test_a_tool_that_says_not_supported_is_asked_once() -> None:
    card = Card([(False, True, WARNED), (False, True, exited(3, "Resetting GPU is not supported."))])
    result, _ = _drive(card, ON, _sight(modes()))
    assert isinstance(result, Failure)
    assert len(card.ran) == 2


def test_a_lost_reply_is_looked_at_again_by_whoever_runs_it() -> None:
    result, _ = _drive(Card([(False, False, LOST)]), ON, _sight(modes()))
    assert isinstance(result, Failure)
    assert result.kind is FailureKind.UNREACHABLE


def test_a_mode_that_cannot_be_read_meanwhile_changes_nothing() -> None:
    card = Card([], readable=False)
    result, _ = _drive(card, ON, _sight(modes()))
    assert isinstance(result, Failure)
    assert card.ran == []


@pytest.mark.parametrize("resource", [BACK, OFF])
def test_on_the_way_back_the_claim_goes_last(resource: MigMode | MigModeAsBefore) -> None:
    card = Card([(False, False, OK)], current=True, pending=True)
    result, driven = _drive(card, resource, _sight(modes(True, True), OURS))
    assert result == Done()
    assert driven.commands() == [f"nvidia-smi -i {GPU} -mig 0", "Disown"]
    assert isinstance(driven.asked[-1][0].write, Disown)


def test_the_claim_stays_when_the_mode_does() -> None:
    card = Card([(True, False, exited(1, "it failed"))] * 20, current=True, pending=True)
    result, driven = _drive(card, BACK, _sight(modes(True, True), OURS))
    assert isinstance(result, Failure)
    assert "Disown" not in driven.commands()
