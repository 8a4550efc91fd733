"""A bare world for each test, and a hand to change it with."""

from __future__ import annotations

import pytest

from gpucarve.twin.worlds import seed_004
from tests.twin.bench import Bench


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def bench() -> Bench:
    return Bench(seed_004())
