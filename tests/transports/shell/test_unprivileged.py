"""What a user who is not root is answered: what is readable, and that the rest is not."""

from __future__ import annotations

import shutil

import pytest

from gpucarve.calls.primitives import FindHolders, ReadFiles
from gpucarve.calls.replies import Failure, FailureKind, Files
from gpucarve.transports.local import LocalTransport
from tests.parts import leave_out
from tests.transports.contract.namespaces import Namespace

NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


@pytest.mark.parametrize("shell", [("dash",), ("bash",), ("busybox", "sh")], ids=" ".join)
async def test_holders_are_refused_to_who_cannot_see_all_and_files_are_read(
    machine: Namespace, shell: tuple[str, ...]
) -> None:
    if not all(map(shutil.which, (NOBODY[0], shell[0]))):
        leave_out(f"there is no {NOBODY[0]} or no {shell[0]} (apt)")
    transport = LocalTransport(interpreter=(*machine.enter, *NOBODY, *shell))
    reads = (FindHolders(("/dev/nvidia",)), ReadFiles(("/proc/cmdline",)))
    holders, files = await _gathered(transport, reads)
    assert isinstance(holders, Failure)
    assert holders.kind is FailureKind.REFUSED
    assert isinstance(files, Files)
    assert files.entries[0].content


async def _gathered(transport: LocalTransport, reads: tuple[FindHolders, ReadFiles]) -> tuple[object, object]:
    answer = await transport.gather(reads)
    await transport.close()
    assert isinstance(answer, tuple), answer
    holders, files = answer
    return holders, files
