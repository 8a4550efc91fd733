"""The reboot: ordered once a boot, told from a lost reply, bounded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from gpucarve.calls.predicates import Absent, Equals
from gpucarve.calls.primitives import Remove, Run, WriteFile
from gpucarve.calls.programs import CallOutcome, CallState, Guarded
from gpucarve.calls.replies import Done, Failure, FailureKind, File, Files
from gpucarve.facts import boot
from gpucarve.model.changes import DisruptionKind
from gpucarve.resources.decisions import Batch
from gpucarve.resources.host import reboot
from tests.resources.sights import LOST, OK, STOPPED, WRITTEN, Driven, Sight, exited

NOT_REACHED = CallOutcome(CallState.NOT_REACHED)


@dataclass
class Machine:
    """Answers with `boots`, one a look, the last for ever (empty: no answer), and with `outcomes`, one a program."""

    boots: list[str]
    outcomes: list[tuple[CallOutcome, ...]] = field(default_factory=lambda: [(WRITTEN, OK)])

    def reads(self, _request: Any) -> Any:
        now = self.boots.pop(0) if len(self.boots) > 1 else self.boots[0]
        return Files((File(boot.BOOT_ID, now.encode()),)) if now else Failure(FailureKind.UNREACHABLE)

    def programs(self, _request: tuple[Guarded, ...]) -> tuple[CallOutcome, ...]:
        return self.outcomes.pop(0)


def _run(machine: Machine) -> tuple[Done | Failure, Driven]:
    work = reboot.change(Sight().observed(), ("it takes effect at boot",)).work
    assert work is not None
    assert not isinstance(work, Batch)
    driven = Driven(machine.reads, machine.programs)
    return driven.run(work()), driven


def test_the_step_names_its_reason_and_what_it_disturbs() -> None:
    step = reboot.change(Sight().observed(), ("a", "b"))
    assert step.reason == "a; b"
    assert (step.disruption.kind, step.disruption.scope) == (DisruptionKind.REBOOT, "host")
    assert step.preconditions == (Equals(boot.BOOT_ID, "b1"),)


def test_it_is_noted_and_ordered_in_one_program_bound_to_the_boot() -> None:
    result, driven = _run(Machine(["b1", "", "", "b2"]))
    assert isinstance(result, Done)
    ((note, order),) = driven.asked
    same = Equals(boot.BOOT_ID, "b1")
    assert isinstance(note.write, WriteFile)
    assert note.write.path.startswith("/run/"), "a boot must empty it"
    assert note.before == (Absent(note.write.path), same)
    assert isinstance(order.write, Run)
    assert (order.write.argv, order.before) == (("systemctl", "reboot"), (same,))


def test_a_host_that_was_told_before_is_waited_for_and_not_told_again() -> None:
    result, driven = _run(Machine(["b1", "b1", "", "b2"], [(STOPPED, NOT_REACHED)]))
    assert isinstance(result, Done)
    assert len(driven.asked) == 1


def test_a_host_that_was_told_before_and_stays_up_is_told_again() -> None:
    looks = ["b1"] * 200 + ["", "b2"]
    result, driven = _run(Machine(looks, [(STOPPED, NOT_REACHED), (OK,)]))
    assert isinstance(result, Done)
    assert driven.commands()[-1] == "systemctl reboot"
    assert len(driven.asked) == 2


def test_a_command_that_failed_takes_its_note_away_and_says_its_words() -> None:
    result, driven = _run(Machine(["b1"], [(WRITTEN, exited(1, "Interactive authentication required")), (WRITTEN,)]))
    assert isinstance(result, Failure)
    assert "Interactive authentication required" in result.detail
    assert [type(each.write) for each in driven.asked[-1]] == [Remove]


@pytest.mark.parametrize("kind", [FailureKind.EXHAUSTED, FailureKind.TIMED_OUT])
def test_a_write_that_failed_for_sure_is_a_failure_at_once(kind: FailureKind) -> None:
    failed = (CallOutcome(CallState.FAILED, Failure(kind, "why")), NOT_REACHED)
    result, driven = _run(Machine(["b1"], [failed]))
    assert result == Failure(kind, "why")
    assert driven.time == 0


def test_a_reply_that_is_lost_with_the_connection_is_what_a_reboot_looks_like() -> None:
    result, driven = _run(Machine(["b1", "", "", "b2"], [(LOST, LOST)]))
    assert isinstance(result, Done)
    assert len(driven.asked) == 1


def test_an_order_that_never_arrived_is_looked_at_again_and_not_waited_for() -> None:
    result, driven = _run(Machine(["", "", "b1"], [(LOST, LOST)]))
    assert isinstance(result, Failure)
    assert result.kind is FailureKind.UNREACHABLE, "the track then drafts anew"
    assert driven.time < reboot.PATIENCE / 2


@pytest.mark.parametrize("boots", [["b1"], [""]])
def test_a_host_that_does_not_come_back_is_a_failure_in_the_end(boots: list[str]) -> None:
    result, driven = _run(Machine(boots))
    assert isinstance(result, Failure)
    assert result.kind is FailureKind.TIMED_OUT
    assert reboot.PATIENCE <= driven.time < 2 * reboot.PATIENCE
