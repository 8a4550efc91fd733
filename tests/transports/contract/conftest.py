"""The places, as fixtures: each test of the contract runs at every place that can be had here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gpucarve.calls.transport import HostTransport
from tests.parts import leave_out
from tests.transports.contract.places import PLACES, Place
from tests.transports.contract.world import World


@pytest.fixture(params=sorted(PLACES))
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    kind = PLACES[request.param]
    reason = kind.missing()
    if reason:
        leave_out(reason)
    async with kind.make(tmp_path) as made:
        yield made


@pytest.fixture
def transport(place: Place) -> HostTransport:
    return place.transport


@pytest.fixture
def world(place: Place) -> World:
    return place.world
