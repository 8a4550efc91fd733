"""A disk that is full is told as full by every shell, though the words of their own printf differ."""

from __future__ import annotations

import pytest

from gpucarve.calls.primitives import Claim
from gpucarve.calls.replies import Failure, FailureKind
from gpucarve.calls.state import CLAIMS
from gpucarve.transports.local import LocalTransport
from tests.transports.contract.asking import program, ran
from tests.transports.contract.namespaces import Namespace


@pytest.mark.parametrize("shell", ["dash", "bash"])
async def test_a_claim_that_finds_no_room_is_told_so(machine: Namespace, shell: str) -> None:
    transport = LocalTransport(interpreter=(*machine.enter, shell))
    await ran(transport, program())
    machine.sh(f"mkdir {CLAIMS} && mount -t tmpfs -o size=16384 none {CLAIMS}")
    machine.put_file(f"{CLAIMS}/filling", b"f" * 16384)
    (outcome,) = (await ran(transport, program(Claim("key", "", (f"{machine.root}/none",))))).outcomes
    assert isinstance(outcome.reply, Failure)
    assert outcome.reply.kind is FailureKind.EXHAUSTED
    assert machine.listing(CLAIMS) == {"filling"}
