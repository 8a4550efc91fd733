"""What tracks know of each other: which resources stand, which targets have ended.

Boundary: memory of one run in one process; nothing in it is needed to go on after a crash.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable

from gpucarve.engine.endings import Ending, Outcome
from gpucarve.engine.pausing import Pause
from gpucarve.model.hosts import ResourceKey, Target


class Board:
    """Starts with what was found when the plan was approved: only resources with a step do not stand.

    `unsettled` may name keys that are not among `keys`: those of targets that the plan was made without.
    """

    def __init__(self, keys: Iterable[ResourceKey], unsettled: Iterable[ResourceKey], pause: Pause) -> None:
        self._keys: defaultdict[Target, set[ResourceKey]] = defaultdict(set)
        for key in keys:
            self._keys[key.target].add(key)
        self._unsettled = set(unsettled)
        self._waiters: set[asyncio.Future[None]] = set()
        self._pause = pause
        self._pause.tell(self._wake)
        self.endings: dict[Target, Ending] = {}

    def unsettled_among(self, keys: Collection[ResourceKey]) -> frozenset[ResourceKey]:
        """Those of them that do not stand yet."""
        return frozenset(self._unsettled.intersection(keys))

    def report(self, target: Target, settled: Collection[ResourceKey]) -> None:
        """Tell everybody which resources of a target stand now; the others do not, or not any more."""
        own = self._keys[target]
        self._unsettled -= own
        self._unsettled |= own.difference(settled)
        self._wake()

    def end(self, target: Target, ending: Ending) -> None:
        """Tell everybody that nothing more will happen there."""
        self.endings[target] = ending
        self._wake()

    async def wait_for(self, keys: Collection[ResourceKey]) -> str:
        """Wait until all of them stand, or a pause is asked for; a reason when a target they need has ended without."""
        while self._unsettled.intersection(keys) and not self._pause.requested:
            if reason := self._hopeless(keys):
                return reason
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            await waiter
        return ""

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _hopeless(self, keys: Collection[ResourceKey]) -> str:
        for key in sorted(self._unsettled.intersection(keys)):
            ending = self.endings.get(key.target)
            if ending is not None:
                how = ending.outcome.value if ending.outcome is not Outcome.DONE else "done without it"
                return f"it needs {key}, and {key.target} ended: {how}"
        return ""
