"""PoCL, a processor that acts as a device: every kernel and every check runs on it for real."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from gpucarve.app import benches
from gpucarve.bench import asking
from gpucarve.bench.asking import Wish
from gpucarve.calls.primitives import Inspect
from gpucarve.transports.local import LocalTransport

DRIVER = Path("/etc/OpenCL/vendors/pocl.icd")
SMALL = Wish(interface="opencl", bytes=1 << 20, samples=2)


@pytest.fixture(autouse=True)
def _pocl(request: pytest.FixtureRequest) -> None:
    """Leave out what needs PoCL where there is none, which CI must have."""
    if request.node.get_closest_marker("pocl") and not DRIVER.exists() and os.environ.get("CI") != "true":
        pytest.skip("PoCL is not installed here (Debian: pocl-opencl-icd)")


@cache
def answer(workload: str, wish: Wish = SMALL) -> Mapping[str, Any] | asking.Refusal:
    """What this machine's runner says, sent as to any host; asked once."""
    return asyncio.run(asked(workload, wish, benches.archive()))


def answer_of(archive: bytes, workload: str) -> Mapping[str, Any] | asking.Refusal:
    """The same of another archive."""
    return asyncio.run(asked(workload, SMALL, archive))


async def asked(workload: str, wish: Wish, archive: bytes) -> Mapping[str, Any] | asking.Refusal:
    """Send an archive to this machine, and return what it says."""
    flow = asking.run(workload, wish, archive)
    host = LocalTransport()
    try:
        call = next(flow)
        assert isinstance(call, Inspect)
        replies = await host.gather((call,))
        assert isinstance(replies, tuple), replies
        flow.send(replies[0])
    except StopIteration as stop:
        found: Mapping[str, Any] | asking.Refusal = stop.value
        return found
    finally:
        await host.close()
    raise AssertionError("the flow asked a second time")
