"""What every test of the transports shares: asyncio, and worlds of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.parts import leave_out
from tests.transports.contract import namespaces, sshd
from tests.transports.contract.namespaces import Namespace
from tests.transports.contract.sshd import Server


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def machine() -> Iterator[Namespace]:
    """A mount namespace of this machine."""
    if reason := namespaces.missing():
        leave_out(reason)
    with namespaces.namespace() as world:
        yield world


@pytest.fixture
def server(machine: Namespace, tmp_path: Path) -> Server:
    """An ssh server in it."""
    if reason := sshd.missing():
        leave_out(reason)
    return sshd.serve(machine, tmp_path)
