"""Running a flow: it gets its answers, and is closed whatever happens."""

from __future__ import annotations

import pytest

from gpucarve.calls.flows import Flow, ask
from gpucarve.calls.primitives import Now
from gpucarve.calls.replies import Instant
from gpucarve.calls.transport import Clock
from gpucarve.engine.driving import drive
from gpucarve.twin import worlds
from tests.engine.places import Between, channel
from tests.story.lab import HOST

pytestmark = pytest.mark.anyio


async def test_a_flow_is_answered_until_it_returns() -> None:
    def flow() -> Flow[int]:
        first = yield from ask(Now())
        second = yield from ask(Now())
        assert isinstance(first, Instant)
        assert isinstance(second, Instant)
        return 7

    assert await drive(flow(), channel(worlds.seed_004().host(HOST), "x")) == 7


async def test_a_flow_is_closed_when_it_cannot_be_answered() -> None:
    closed = []

    def flow() -> Flow[None]:
        try:
            yield from ask(Now())
        finally:
            closed.append(True)

    class Broken(Between):
        @property
        def clock(self) -> Clock:
            raise OSError("the clock is gone")

    with pytest.raises(OSError, match="the clock is gone"):
        await drive(flow(), channel(Broken(worlds.seed_004().host(HOST)), "x"))
    assert closed == [True]
