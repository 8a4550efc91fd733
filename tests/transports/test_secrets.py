"""A secret on its way to the host: in no command line, in no environment, in no file but the one it is for."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest

from gpucarve.calls import state
from gpucarve.calls.primitives import Run, WriteFile
from gpucarve.calls.programs import ProgramReply
from gpucarve.calls.secret import Secret
from gpucarve.calls.transport import HostTransport
from gpucarve.transports.local import LocalTransport
from gpucarve.transports.ssh import SshTransport
from tests.transports.contract.asking import program
from tests.transports.contract.namespaces import Namespace
from tests.transports.contract.sshd import Server
from tests.transports.contract.world import Script

SECRET = b"correct horse battery staple"


def seen() -> set[str]:
    """Which files of /proc show the secret."""
    found = set()
    for name in ("cmdline", "environ"):
        for path in Path("/proc").glob(f"[0-9]*/{name}"):
            try:
                content = path.read_bytes()
            except OSError:
                continue
            if SECRET in content:
                found.add(str(path))
    return found


async def watched(transport: HostTransport, machine: Namespace) -> None:
    """Run a program with secrets, looking all the while."""
    machine.define_command("slowly", Script(save_stdin=f"{machine.root}/stdin", sleep=0.7))
    asked = program(
        WriteFile(f"{machine.root}/file", Secret(SECRET), mode=0o600), Run(("slowly",), stdin=Secret(SECRET))
    )
    task = asyncio.create_task(transport.run(asked))
    while not task.done():
        assert seen() == set()
        await asyncio.sleep(0)
    reply = task.result()
    assert isinstance(reply, ProgramReply)
    assert reply.complete, reply
    assert machine.read_file(f"{machine.root}/stdin") == machine.read_file(f"{machine.root}/file") == SECRET
    machine.sh(f"! grep -rqF '{SECRET.decode()}' /run {state.ROOT}")


def test_the_search_finds_a_secret_that_is_in_an_argv() -> None:
    with subprocess.Popen(("sleep", "5", *SECRET.decode().split("|")), stderr=subprocess.DEVNULL) as process:
        assert seen() or process.wait()
        process.kill()


async def test_a_local_program_shows_no_secret(machine: Namespace) -> None:
    await watched(LocalTransport(interpreter=(*machine.enter, "sh")), machine)


@pytest.mark.parametrize("user", ["root", "operator"])
async def test_a_program_by_ssh_shows_no_secret(machine: Namespace, server: Server, user: str) -> None:
    transport = SshTransport(server.endpoint(user))
    await watched(transport, machine)
    await transport.close()
