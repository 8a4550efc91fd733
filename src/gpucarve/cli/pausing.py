"""What an interrupt does to a run: the first one lets it come to rest, the second one ends it at once.

Boundary: the signals of this process, while a run is under way and no longer.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from typing import TypeVar

from gpucarve.engine.pausing import Pause

T = TypeVar("T")
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


async def interruptible(pause: Pause, work: Awaitable[T], told: Callable[[], None]) -> T:
    """The result of `work`; `told` is called when a pause begins. The second signal cancels this task."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def interrupted() -> None:
        if not pause.requested:
            told()
            pause.request()
        elif task is not None:
            task.cancel()

    for number in _SIGNALS:
        loop.add_signal_handler(number, interrupted)
    try:
        return await work
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
