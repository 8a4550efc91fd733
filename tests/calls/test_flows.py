"""`until` is the only way to wait: bounded, asked at least once, and a last time at the deadline."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gpucarve.calls.flows import Flow, ask, until
from gpucarve.calls.primitives import Now, ReadFiles, Sleep
from gpucarve.calls.replies import Done, Failure, FailureKind, File, Files, Instant


def _probe() -> Flow[str]:
    reply = yield from ask(ReadFiles(("/a",)))
    return reply.entries[0].text() if isinstance(reply, Files) else ""


def _run(flow: Flow[Any], content: Callable[[float], bytes]) -> tuple[Any, float, int]:
    """Drive a flow by a clock of its own: the result, the time it took, how often it looked."""
    time, looks = 100.0, 0
    reply: Any = None
    while True:
        try:
            request = flow.send(reply)
        except StopIteration as stop:
            return stop.value, time - 100.0, looks
        match request:
            case Now():
                reply = Instant(time)
            case Sleep(seconds):
                time += seconds
                reply = Done()
            case _:
                looks += 1
                reply = Files((File("/a", content(time - 100.0)),))


def test_it_returns_the_first_answer_that_satisfies() -> None:
    result = _run(until(_probe, "ready".__eq__, deadline=60, every=5), lambda t: b"ready" if t >= 12 else b"not yet")
    assert result == ("ready", 15.0, 4)


def test_it_asks_once_though_there_is_no_time_at_all() -> None:
    assert _run(until(_probe, "ready".__eq__, deadline=0), lambda _t: b"ready")[0] == "ready"


def test_it_ends_at_the_deadline_with_a_last_look_and_says_what_it_saw() -> None:
    result, seconds, looks = _run(until(_probe, "ready".__eq__, deadline=12, every=5), lambda _t: b"still 3")
    assert isinstance(result, Failure)
    assert result.kind is FailureKind.TIMED_OUT
    assert "still 3" in result.detail
    assert (seconds, looks) == (12.0, 4)


def test_a_flow_makes_no_calls_while_it_is_closed() -> None:
    flow = until(_probe, "ready".__eq__, deadline=60)
    next(flow)
    flow.close()
    with pytest.raises(StopIteration):
        next(flow)
