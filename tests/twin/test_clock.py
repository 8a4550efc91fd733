"""One clock: time jumps when all wait, wakes sleepers in order, and stands still for those who are at work."""

from __future__ import annotations

import asyncio

import pytest

from gpucarve.twin.clock import VirtualClock

pytestmark = pytest.mark.anyio


async def test_sleepers_wake_in_the_order_of_their_times() -> None:
    clock = VirtualClock()
    woken: list[tuple[str, float]] = []

    async def sleeper(name: str, *pauses: float) -> None:
        for pause in pauses:
            await clock.sleep(pause)
            woken.append((name, await clock.now()))

    await asyncio.gather(sleeper("late", 30), sleeper("often", 10, 10, 5), sleeper("soon", 1))
    assert woken == [("soon", 1), ("often", 10), ("often", 20), ("often", 25), ("late", 30)]


async def test_time_stands_still_while_somebody_is_busy() -> None:
    clock = VirtualClock()
    with clock.busy():
        sleeper = asyncio.ensure_future(clock.sleep(1))
        await asyncio.sleep(0.02)
        assert not sleeper.done()
        assert await clock.now() == 0
    await sleeper
    assert await clock.now() == 1


async def test_a_sleeper_that_is_gone_holds_nobody_up_and_moves_no_time() -> None:
    clock = VirtualClock()
    with clock.busy():
        gone = asyncio.ensure_future(clock.sleep(5))
        other = asyncio.ensure_future(clock.sleep(7))
        await asyncio.sleep(0)
        gone.cancel()
    await other
    assert await clock.now() == 7


async def test_what_changes_with_time_is_told_of_it() -> None:
    clock = VirtualClock()
    told: list[float] = []
    clock.on_advance = told.append
    await clock.sleep(3)
    clock.advance(2)
    clock.advance(4)
    assert told == [3, 4]


async def test_with_a_speed_the_earlier_one_can_still_come_first() -> None:
    clock = VirtualClock(speed=1000)
    woken: list[str] = []

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append(name)

    late = asyncio.ensure_future(sleeper("late", 60))
    await asyncio.sleep(0.01)
    await sleeper("early", 1)
    await late
    assert woken == ["early", "late"]


@pytest.mark.parametrize("speed", [None, 1000.0])
async def test_time_that_flows_passes_while_nobody_waits_and_stands_still_while_somebody_is_busy(
    speed: float | None,
) -> None:
    clock = VirtualClock(speed=speed)
    flowing = asyncio.ensure_future(clock.flow())
    with clock.busy():
        await asyncio.sleep(0.3)
        assert await clock.now() == 0
    while await clock.now() == 0:
        await asyncio.sleep(0.01)
    flowing.cancel()
