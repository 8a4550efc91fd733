"""The real clock.

Boundary: the only place of the transports that reads or lets pass time by itself.
"""

from __future__ import annotations

import asyncio
import time


class RealClock:
    """Monotonic time of this machine."""

    async def now(self) -> float:
        """Seconds; comparable only with others of this process."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return after that much time has passed."""
        await asyncio.sleep(seconds)


class SkippingClock:
    """Time that passes only by being slept, and then at once: for a recording, whose waiting is over."""

    def __init__(self) -> None:
        self._seconds = 0.0

    async def now(self) -> float:
        """Seconds slept so far."""
        return self._seconds

    async def sleep(self, seconds: float) -> None:
        """Let that much time have passed."""
        self._seconds += seconds
        await asyncio.sleep(0)
