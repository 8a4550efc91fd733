"""What tracks know of each other: who waits, until when, and when it is hopeless."""

from __future__ import annotations

import asyncio

import pytest

from gpucarve.engine.board import Board
from gpucarve.engine.endings import Ending, Outcome
from gpucarve.engine.pausing import Pause
from gpucarve.model.hosts import ResourceKey, Target

pytestmark = pytest.mark.anyio

A, B = Target("lab", "a"), Target("lab", "b")
ONE, TWO, OTHER = ResourceKey(A, "one"), ResourceKey(A, "two"), ResourceKey(B, "other")


def _board() -> Board:
    return Board((ONE, TWO, OTHER), (ONE, TWO), Pause())


async def _waits(task: asyncio.Task[str]) -> bool:
    for _ in range(5):
        await asyncio.sleep(0)
    return not task.done()


def test_only_what_has_a_step_does_not_stand_at_first_and_nobody_hears_of_more_than_was_asked() -> None:
    assert _board().unsettled_among((ONE, TWO, OTHER)) == {ONE, TWO}
    assert _board().unsettled_among((TWO, OTHER)) == {TWO}


async def test_a_waiter_goes_on_once_all_it_needs_stand() -> None:
    board = _board()
    task = asyncio.ensure_future(board.wait_for((ONE, TWO)))
    assert await _waits(task)
    board.report(A, {ONE})
    assert await _waits(task)
    board.report(A, {ONE, TWO})
    assert await task == ""


async def test_what_stood_and_does_not_any_more_is_waited_for_again() -> None:
    board = _board()
    board.report(A, {ONE, TWO})
    assert await board.wait_for((ONE,)) == ""
    board.report(A, {TWO})
    assert board.unsettled_among((ONE, TWO)) == {ONE}


async def test_a_report_is_about_its_own_target_alone() -> None:
    board = _board()
    board.report(B, ())
    assert board.unsettled_among((ONE, TWO, OTHER)) == {ONE, TWO, OTHER}


@pytest.mark.parametrize(
    ("outcome", "said"), [(Outcome.FAILED, "ended: failed"), (Outcome.DONE, "ended: done without it")]
)
async def test_a_waiter_is_told_when_what_it_needs_will_never_stand(outcome: Outcome, said: str) -> None:
    board = _board()
    task = asyncio.ensure_future(board.wait_for((TWO,)))
    assert await _waits(task)
    board.end(A, Ending(outcome))
    assert await task == f"it needs {TWO}, and {A} {said}"


async def test_a_target_that_ended_with_what_is_needed_is_no_obstacle() -> None:
    board = _board()
    board.report(A, {ONE})
    board.end(A, Ending(Outcome.FAILED))
    assert await board.wait_for((ONE,)) == ""


async def test_a_pause_ends_the_waiting_without_a_reason() -> None:
    pause = Pause()
    board = Board((ONE, OTHER), (ONE,), pause)
    task = asyncio.ensure_future(board.wait_for((ONE,)))
    assert await _waits(task)
    pause.request()
    assert await task == ""
    assert board.unsettled_among((ONE,)) == {ONE}
