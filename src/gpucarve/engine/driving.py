"""Running one flow to its end.

Boundary: the only place that sends into generators. Whatever happens, the flow is closed and asks nothing while it is.
"""

from __future__ import annotations

from typing import TypeVar

from gpucarve.calls.flows import Flow
from gpucarve.engine.channels import Channel

T = TypeVar("T")


async def drive(flow: Flow[T], channel: Channel) -> T:
    """Answer a flow's requests by `channel` until it returns."""
    try:
        request = next(flow)
        while True:
            request = flow.send(await channel.answer(request))
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        flow.close()
