"""Refusals say who is in the way and what to do about it."""

from __future__ import annotations

import pytest

from gpucarve.calls.programs import Lease, Refusal, RefusalKind
from gpucarve.transports.shell import parse_wait_idle
from gpucarve.transports.shell.refusals import without_answer

NONCE = "0123456789abcdef01234567"
LOCKED = (
    "run=R-7 fence=3 boot=b pid=4711 writes=2\n"
    "fence=3 beat=9 seconds=30 holder=laptop run=R-7\n"
    "4711 S sh\n"
    "4712 D sriov-manage\n"
)


def refused(kind: str, text: str) -> Refusal:
    """The refusal of a host that answers so."""
    reply = f"{NONCE} refused {kind} : {len(text)}\n{text}{NONCE} end : 0\n"
    refusal = parse_wait_idle(NONCE, reply.encode())
    assert refusal is not None
    return refusal


def test_a_process_stuck_in_the_kernel_is_named_and_a_reboot_offered() -> None:
    refusal = refused("locked", LOCKED)
    assert (refusal.kind, refusal.lease) == (RefusalKind.LOCKED, Lease(3, 9, 30, "laptop", "R-7"))
    assert "run R-7" in refusal.detail
    assert "sriov-manage (pid 4712, state D)" in refusal.detail
    assert "pid 4712 is stuck in the kernel" in refusal.detail
    assert "reboot" in refusal.detail


def test_no_reboot_is_offered_while_nobody_is_stuck() -> None:
    assert "reboot" not in refused("locked", LOCKED.replace(" D ", " S ")).detail


def test_a_lock_whose_holder_cannot_be_seen_is_still_locked() -> None:
    refusal = refused("locked", "\n\n")
    assert refusal.kind is RefusalKind.LOCKED
    assert "cannot be seen" in refusal.detail


def test_what_the_host_lacks_is_listed() -> None:
    refusal = refused("lacks", "flock\ntimeout\n")
    assert (refusal.kind, "flock, timeout" in refusal.detail) == (RefusalKind.UNFIT, True)


def test_an_unheard_of_refusal_is_no_success() -> None:
    assert refused("strangely", "").kind is RefusalKind.LOST


@pytest.mark.parametrize(
    ("said", "status", "kind"),
    [
        ("sudo: a password is required\n", 1, RefusalKind.NO_PERMISSION),
        ("Sorry, user x is not allowed to execute", 1, RefusalKind.LOST),
        ("x is not in the sudoers file.\n", 1, RefusalKind.NO_PERMISSION),
        ("sudo: sorry, you must have a tty to run sudo\n", 1, RefusalKind.NO_PERMISSION),
        ("sh: not found\n", 127, RefusalKind.UNFIT),
        ("", None, RefusalKind.LOST),
    ],
)
def test_silence_is_explained_by_what_stood_in_its_place(said: str, status: int | None, kind: RefusalKind) -> None:
    refusal = without_answer(said, status)
    assert refusal.kind is kind
    assert said.strip() in refusal.detail


def test_a_host_that_took_the_program_and_says_nothing_in_time_is_told_where_to_look() -> None:
    refusal = without_answer("", None)
    assert "gave no answer in its time" in refusal.detail
    assert "state D" in refusal.fix
