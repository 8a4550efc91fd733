"""Generators of calls, for what must look and decide.

A flow yields requests and is sent the replies. Whoever drives it answers reads by gathering, guarded writes by a
recorded program, pauses by the clock. A flow keeps no position: after a crash it runs from its top and must converge
from any half state, and it makes no calls while being closed. `until` is the only way to wait.

Boundary: pure; no transport is known here.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any, TypeVar

from gpucarve.calls.primitives import Call, Now, Read, Sleep
from gpucarve.calls.programs import CallOutcome, Guarded
from gpucarve.calls.replies import Failure, FailureKind, Instant, Reply

R = TypeVar("R")
T = TypeVar("T")

Request = Call[Any] | tuple[Read[Any], ...] | tuple[Guarded, ...]
Flow = Generator[Request, Any, T]


def ask(call: Call[R]) -> Flow[R | Failure]:
    """Ask one call."""
    reply: R | Failure = yield call
    return reply


def ask_all(reads: Sequence[Read[Any]]) -> Flow[tuple[Reply, ...]]:
    """Ask several reads in one round trip."""
    replies: tuple[Reply, ...] = yield tuple(reads)
    return replies


def do(guarded: Guarded) -> Flow[CallOutcome]:
    """Carry out one guarded write on the host, as a recorded program of its own.

    When the program was refused or its outcome is lost, the state is FAILED and the reply a `Failure` (UNREACHABLE).
    """
    outcomes = yield from do_all((guarded,))
    return outcomes[0]


def do_all(writes: Sequence[Guarded]) -> Flow[tuple[CallOutcome, ...]]:
    """Carry out several as one recorded program, which stops at the first that does not go through."""
    outcomes: tuple[CallOutcome, ...] = yield tuple(writes)
    return outcomes


def until(
    probe: Callable[[], Flow[T]], satisfied: Callable[[T], bool], *, deadline: float, every: float = 1.0
) -> Flow[T | Failure]:
    """Probe until the answer satisfies, pausing `every` seconds; TIMED_OUT once `deadline` seconds have passed.

    The probe is always asked at least once, and a last time at the deadline.
    """
    start = yield from _now()
    while True:
        answer = yield from probe()
        if satisfied(answer):
            return answer
        elapsed = (yield from _now()) - start
        if elapsed >= deadline:
            return Failure(FailureKind.TIMED_OUT, f"not so after {deadline:g} s; last seen: {str(answer)[:300]}")
        yield from ask(Sleep(min(every, deadline - elapsed)))


def _now() -> Flow[float]:
    instant = yield from ask(Now())
    return instant.seconds if isinstance(instant, Instant) else 0.0
