"""Files keep their SELinux context when they are replaced.

The host here has no SELinux: a folder stands for selinuxfs. Contexts are the attribute that SELinux keeps them in, and
chcon is the real one. What a policy would make of them is not judged.
"""

from __future__ import annotations

import os
import shutil

import pytest

from gpucarve.calls.primitives import Claim, Restore, WriteFile
from gpucarve.calls.programs import CallState
from gpucarve.transports.local import LocalTransport
from tests.transports.contract.asking import program, ran
from tests.transports.contract.namespaces import Namespace
from tests.transports.shell.shells import every_shell

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(shutil.which("chcon") is None, reason="there is no chcon (coreutils with SELinux)"),
]

ATTRIBUTE, CONTEXT = "security.selinux", b"system_u:object_r:bootloader_etc_t:s0\0"


def _labelled(machine: Namespace, name: str) -> str:
    """A file with a context, on a host that shows a selinuxfs."""
    machine.sh("mount -t tmpfs none /sys/fs; mkdir /sys/fs/selinux; echo 1 >/sys/fs/selinux/enforce")
    path = f"{machine.root}/{name}"
    machine.put_file(path, b"as it was\n", 0o640)
    os.setxattr(machine.within(path), ATTRIBUTE, CONTEXT)
    return path


@every_shell
async def test_a_file_that_is_written_or_put_back_keeps_its_context(machine: Namespace, shell: tuple[str, ...]) -> None:
    path = _labelled(machine, "grub")
    transport = LocalTransport(interpreter=(*machine.enter, *shell))
    writes = (Claim("kernel-arguments", "{}", (path,)), WriteFile(path, b"changed\n"))
    reply = await ran(transport, program(*writes))
    assert [each.state for each in reply.outcomes] == [CallState.DONE] * 2, reply
    assert machine.read_file(path) == b"changed\n"
    assert os.getxattr(machine.within(path), ATTRIBUTE) == CONTEXT
    await ran(transport, program(Restore("kernel-arguments", path)))
    assert machine.read_file(path) == b"as it was\n"
    assert os.getxattr(machine.within(path), ATTRIBUTE) == CONTEXT
