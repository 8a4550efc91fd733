"""The wish that a run pauses: hosts under way end the step they are in, and nothing new begins.

Boundary: a flag of one process, and who is told when it is raised. A pause is over when the run is gone on with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Pause:
    """Raised once, from the loop that the run lives in."""

    requested: bool = False
    _listeners: list[Callable[[], None]] = field(default_factory=list)

    def request(self) -> None:
        """Let the run come to rest."""
        self.requested = True
        for listener in self._listeners:
            listener()

    def tell(self, listener: Callable[[], None]) -> None:
        """Call this, which returns at once, when a pause is requested."""
        self._listeners.append(listener)
