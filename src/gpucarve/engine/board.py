"""What tracks know of each other: which resources stand, which targets have ended.

Boundary: memory of one run in one process; nothing in it is needed to go on after a crash.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable

from gpucarve.engine.endings import Ending, Outcome
from gpucarve.model.hosts import ResourceKey, Target


class Board:
    """Starts with what was found when the plan was approved: only resources with a step do not stand."""

    def __init__(self, keys: Iterable[ResourceKey], unsettled: Iterable[ResourceKey]) -> None:
        self._keys = frozenset(keys)
        self._unsettled = set(unsettled)
        self._changed = asyncio.Condition()
        self.endings: dict[Target, Ending] = {}

    def unsettled_elsewhere(self, target: Target) -> frozenset[ResourceKey]:
        """The keys of other targets that do not stand yet."""
        return frozenset(key for key in self._unsettled if key.target != target)

    async def report(self, target: Target, settled: Collection[ResourceKey]) -> None:
        """Tell everybody which resources of a target stand now; the others do not, or not any more."""
        async with self._changed:
            own = {key for key in self._keys if key.target == target}
            self._unsettled = (self._unsettled - own) | (own - set(settled))
            self._changed.notify_all()

    async def end(self, target: Target, ending: Ending) -> None:
        """Tell everybody that nothing more will happen there."""
        async with self._changed:
            self.endings[target] = ending
            self._changed.notify_all()

    async def wait_for(self, keys: Collection[ResourceKey]) -> str:
        """Wait until all of them stand; a reason instead when a target they need has ended without."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._unsettled.intersection(keys) or bool(self._hopeless(keys)))
            return self._hopeless(keys)

    def _hopeless(self, keys: Collection[ResourceKey]) -> str:
        for key in sorted(self._unsettled.intersection(keys)):
            ending = self.endings.get(key.target)
            if ending is not None:
                how = ending.outcome.value if ending.outcome is not Outcome.DONE else "done without it"
                return f"it needs {key}, and {key.target} ended: {how}"
        return ""
