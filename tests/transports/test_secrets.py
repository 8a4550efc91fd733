"""A secret on its way to the host: in no command line, in no environment, in no file but the one it is for."""

from __future__ import annotations

import asyncio
import secrets
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


@pytest.fixture
def secret() -> bytes:
    """One that no other test of this machine has."""
    return f"correct horse {secrets.token_hex(8)} staple".encode()


def seen(secret: bytes) -> set[str]:
    """Which files of /proc show the secret."""
    found = set()
    for name in ("cmdline", "environ"):
        for path in Path("/proc").glob(f"[0-9]*/{name}"):
            try:
                content = path.read_bytes()
            except OSError:
                continue
            if secret in content:
                found.add(str(path))
    return found


async def watched(transport: HostTransport, machine: Namespace, secret: bytes) -> None:
    """Run a program with secrets, looking all the while."""
    machine.define_command("slowly", Script(save_stdin=f"{machine.root}/stdin", sleep=0.7))
    asked = program(
        WriteFile(f"{machine.root}/file", Secret(secret), mode=0o600), Run(("slowly",), stdin=Secret(secret))
    )
    task = asyncio.create_task(transport.run(asked))
    while not task.done():
        assert seen(secret) == set()
        await asyncio.sleep(0)
    reply = task.result()
    assert isinstance(reply, ProgramReply)
    assert reply.complete, reply
    assert machine.read_file(f"{machine.root}/stdin") == machine.read_file(f"{machine.root}/file") == secret
    machine.sh(f"! grep -rqF '{secret.decode()}' /run {state.ROOT}")


def test_the_search_finds_a_secret_that_is_in_an_argv(secret: bytes) -> None:
    with subprocess.Popen(
        ("sh", "-c", "echo; read x", "sh", secret), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert seen(secret) == {f"/proc/{process.pid}/cmdline"}
        process.kill()


async def test_a_local_program_shows_no_secret(machine: Namespace, secret: bytes) -> None:
    await watched(LocalTransport(interpreter=(*machine.enter, "sh")), machine, secret)


@pytest.mark.parametrize("user", ["root", "operator"])
async def test_a_program_by_ssh_shows_no_secret(machine: Namespace, server: Server, secret: bytes, user: str) -> None:
    transport = SshTransport(server.endpoint(user))
    await watched(transport, machine, secret)
    await transport.close()
