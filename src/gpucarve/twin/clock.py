"""The world's one clock: virtual seconds that pass only when everyone who could act waits for them.

Sleepers wake in the order of their times. Time stands still while somebody is `busy` in real time (a program that is
slowed down on purpose), and with a `speed` it runs no faster than that many virtual seconds a real one, so that other
processes get to act in between.

Boundary: time only; what changes with it is told to the world through `on_advance`.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

_TURNS = 20  # of the event loop: a request takes a few until it waits itself
_TICK = 0.1  # real seconds
_STEP = 0.005  # real seconds between two looks at the time when there is a speed


class VirtualClock:
    """Implements `gpucarve.calls.transport.Clock`. `speed` None lets time jump at once."""

    def __init__(self, *, speed: float | None = None) -> None:
        self.time = 0.0
        self.speed = speed
        self.on_advance: Callable[[float], None] = lambda _time: None
        self._sleepers: list[tuple[float, int]] = []
        self._numbers = count()
        self._busy = 0
        self._waiters: list[asyncio.Future[None]] = []

    async def now(self) -> float:
        """Virtual seconds since the world began."""
        return self.time

    async def sleep(self, seconds: float) -> None:
        """Return once that much virtual time has passed."""
        entry = (self.time + max(0.0, seconds), next(self._numbers))
        heapq.heappush(self._sleepers, entry)
        try:
            while self.time < entry[0]:
                if not self._first(entry):
                    await self._changed()
                elif self.speed is None:
                    await self._let_others_act()
                    if self._first(entry):
                        self.advance(entry[0])
                else:
                    speed = self.speed  # it may be changed while we sleep
                    await asyncio.sleep(min(_STEP, (entry[0] - self.time) / speed))
                    if self._first(entry):
                        self.advance(min(entry[0], self.time + _STEP * speed))
        finally:
            self._sleepers.remove(entry)
            heapq.heapify(self._sleepers)
            self._wake()

    async def flow(self) -> None:
        """Let time pass even while nobody waits, at `speed`, or as it really does; until cancelled."""
        while True:
            await asyncio.sleep(_TICK)
            if not self._busy and not self._sleepers:
                self.advance(self.time + _TICK * (self.speed or 1))

    async def _let_others_act(self) -> None:
        """Whoever has something to do in this process gets to do it before time jumps."""
        for _ in range(_TURNS):
            await asyncio.sleep(0)

    def _first(self, entry: tuple[float, int]) -> bool:
        """Whether nothing has to happen before this sleeper wakes."""
        return not self._busy and self._sleepers[0] == entry

    def advance(self, time: float) -> None:
        """Let it be `time`, if that is later than now."""
        if time > self.time:
            self.time = time
            self.on_advance(time)

    @contextmanager
    def busy(self) -> Iterator[None]:
        """No virtual time passes for anyone while the body runs."""
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1
            self._wake()

    async def _changed(self) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        await waiter

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
