"""What a simulated command gets and gives: its words, stdin and the time; the changed machine, its exit, its duration.

Boundary: values every tool in this folder shares.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gpucarve.calls.replies import Exited
from gpucarve.twin.machine import Machine


@dataclass(frozen=True, slots=True)
class Invocation:
    """One start of a command at `now`, in seconds on the world's clock. `argv[0]` is as the caller spelled it."""

    argv: tuple[str, ...]
    stdin: bytes = b""
    now: float = 0.0

    @property
    def arguments(self) -> tuple[str, ...]:
        """The words after the command's own name."""
        return self.argv[1:]


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that came to its end after `seconds`.

    `signal` is the one that ended it, if any. `begun` is the machine as the command leaves it when it is stopped
    before its end; None for one that changes nothing before.
    """

    machine: Machine
    exited: Exited
    seconds: float = 0.01
    signal: int = 0
    begun: Machine | None = None


Command = Callable[[Machine, Invocation], Ran]


def ran(machine: Machine, seconds: float, stdout: str = "", stderr: str = "", status: int = 0) -> Ran:
    """Put together from text."""
    return Ran(machine, Exited(status, stdout.encode(), stderr.encode()), seconds)
