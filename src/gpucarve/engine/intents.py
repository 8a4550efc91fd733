"""What tracks are about to do, written down before they do it: those that come at once are synced at once.

A sync takes a disk some milliseconds, in which nothing else of this process goes on; with thousands of hosts that
would be most of a run.

Boundary: order and company alone; what an intent is, and that it is on the disk, is the journal's.
"""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from gpucarve.model.hosts import ResourceKey


class IntentLog(Protocol):
    """The journal, as intents are written to it."""

    def intend(self, run: str, keys: tuple[ResourceKey, ...], detail: str = "") -> None:
        """Before these steps begin."""
        ...

    def together(self) -> AbstractContextManager[None]:
        """Everything that is written inside is on the disk at its end, or none of it is."""
        ...


@dataclass(frozen=True, eq=False, slots=True)
class _Intent:
    keys: tuple[ResourceKey, ...]
    detail: str


@dataclass(slots=True)
class Intents:
    """The intents of one run's tracks."""

    log: IntentLog
    run: str
    _waiting: list[_Intent] = field(default_factory=list, init=False)

    async def announce(self, keys: tuple[ResourceKey, ...], detail: str = "") -> None:
        """Return once it is on the disk that these steps are about to begin. Raises JournalError."""
        intent = _Intent(keys, detail)
        self._waiting.append(intent)
        await asyncio.sleep(0)  # whoever else is as far adds its own
        if intent in self._waiting:
            try:
                self._write()
            except BaseException:
                self._waiting.remove(intent)  # the others try for themselves
                raise

    def _write(self) -> None:
        """All that wait; the first of them to go on does it for the others."""
        if len(self._waiting) == 1:
            self.log.intend(self.run, self._waiting[0].keys, self._waiting[0].detail)
        else:
            with self.log.together():
                for each in self._waiting:
                    self.log.intend(self.run, each.keys, each.detail)
        self._waiting.clear()
