"""ssh: whose key is believed, who becomes root, what a lost connection means."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

import pytest

from gpucarve.calls import state
from gpucarve.calls.primitives import Inspect, Run, WriteFile
from gpucarve.calls.programs import ProgramReply, Refusal, RefusalKind
from gpucarve.calls.replies import Exited
from gpucarve.transports.local import LocalTransport
from gpucarve.transports.ssh import SshTransport
from gpucarve.transports.ssh_endpoint import SshEndpoint
from tests.transports.contract import sshd
from tests.transports.contract.asking import program
from tests.transports.contract.namespaces import Namespace
from tests.transports.contract.sshd import Server
from tests.transports.contract.world import Script


async def refused(endpoint: SshEndpoint) -> Refusal:
    """The refusal of a gathering."""
    transport = SshTransport(endpoint)
    refusal = await transport.gather((Inspect(("id",)),))
    await transport.close()
    assert isinstance(refusal, Refusal), refusal
    return refusal


async def test_an_unknown_host_key_is_refused_with_what_to_do(server: Server, tmp_path: Path) -> None:
    empty = tmp_path / "nobody"
    empty.write_text("")
    for known_hosts in (str(empty), str(tmp_path / "missing")):
        refusal = await refused(dataclasses.replace(server.endpoint(), known_hosts=known_hosts))
        assert refusal.kind is RefusalKind.HOST_KEY
        assert "fingerprint" in refusal.fix
        assert known_hosts in refusal.detail


async def test_a_changed_host_key_is_refused_with_what_to_do(server: Server, tmp_path: Path) -> None:
    known_hosts = tmp_path / "changed"
    known_hosts.write_text(f"[127.0.0.1]:{server.port} {sshd.make_key(tmp_path / 'other').read_text()}")
    refusal = await refused(dataclasses.replace(server.endpoint(), known_hosts=str(known_hosts)))
    assert refusal.kind is RefusalKind.HOST_KEY
    assert f"ssh-keygen -R '[127.0.0.1]:{server.port}'" in refusal.fix


async def test_a_host_that_does_not_answer_is_unreachable(server: Server) -> None:
    server.process.kill()
    server.process.wait()
    assert (await refused(server.endpoint())).kind is RefusalKind.UNREACHABLE


async def test_a_name_that_does_not_resolve_is_unreachable_and_what_to_do_is_said(server: Server) -> None:
    endpoint = dataclasses.replace(server.endpoint(), host="no-such-host.invalid")
    refusal = await refused(endpoint)
    assert refusal.kind is RefusalKind.UNREACHABLE
    assert "Errno" not in refusal.detail
    assert "access.ssh.hosts" in refusal.fix
    assert "--world" in refusal.fix


async def test_a_key_that_is_not_accepted_is_no_permission(server: Server, tmp_path: Path) -> None:
    sshd.make_key(tmp_path / "stranger")
    refusal = await refused(dataclasses.replace(server.endpoint(), identity=str(tmp_path / "stranger")))
    assert refusal.kind is RefusalKind.NO_PERMISSION
    assert "IdentityFile" in refusal.fix


async def test_an_identity_file_that_is_missing_or_no_key_is_named_and_no_permission(
    server: Server, tmp_path: Path
) -> None:
    junk, locked = tmp_path / "junk", tmp_path / "locked"
    junk.write_text("this is no key\n")
    sshd.make_key(locked, "a b c")
    for identity, said in (
        (tmp_path / "nowhere", "cannot be read: No such file or directory"),
        (junk, "cannot be used"),
        (locked, "cannot be used"),
    ):
        refusal = await refused(dataclasses.replace(server.endpoint(), identity=str(identity)))
        assert refusal.kind is RefusalKind.NO_PERMISSION
        assert f"the identity file {identity} {said}" in refusal.detail
        assert "identityFile" in refusal.fix


async def test_the_configuration_of_ssh_is_honoured(server: Server, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(
        f"Host gpu-host\n HostName 127.0.0.1\n Port {server.port}\n User root\n"
        f" IdentityFile {server.identity}\n UserKnownHostsFile {server.known_hosts}\n"
    )
    transport = SshTransport(SshEndpoint("gpu-host", config=str(config)))
    assert await transport.gather((Inspect(("id", "-u")),)) == (Exited(0, b"0\n"),)
    await transport.close()


async def test_a_user_with_the_right_becomes_root_without_a_terminal(machine: Namespace, server: Server) -> None:
    transport = SshTransport(server.endpoint("operator"))
    reply = await transport.run(program(WriteFile(f"{machine.root}/file", b"x"), Run(("id", "-u"))))
    assert isinstance(reply, ProgramReply)
    assert reply.outcomes[1].reply == Exited(0, b"0\n")
    await transport.close()


@pytest.mark.parametrize("user", ["guest", "typist"])
async def test_a_user_without_it_is_told_what_to_do(server: Server, user: str) -> None:
    refusal = await refused(server.endpoint(user))
    assert refusal.kind is RefusalKind.NO_PERMISSION
    assert "NOPASSWD" in refusal.fix


async def test_sudo_on_this_machine_is_refused_in_the_same_words(machine: Namespace, server: Server) -> None:
    as_typist = (*machine.enter, "setpriv", "--reuid=60003", "--regid=60003", "--clear-groups")
    refusal = await LocalTransport(interpreter=(*as_typist, "sudo", "-n", "--", "sh")).gather(())
    assert isinstance(refusal, Refusal)
    assert refusal.kind is RefusalKind.NO_PERMISSION
    assert "NOPASSWD" in refusal.fix


async def test_one_connection_serves_many_programs(server: Server) -> None:
    transport = SshTransport(server.endpoint())
    ask = (Inspect(("sh", "-c", "echo $SSH_CONNECTION")),)
    first, *others = [await transport.gather(ask) for _ in range(3)]
    together = await asyncio.gather(*(transport.gather(ask) for _ in range(5)))
    assert [*others, *together] == [first] * 7
    assert isinstance(first, tuple)
    assert str(server.port) in first[0].text()  # type: ignore[union-attr]  # a failure has no text
    await transport.close()


@pytest.mark.parametrize("user", ["root", "operator"])
async def test_a_program_outlives_a_connection_that_dies_without_a_word(
    machine: Namespace, server: Server, user: str
) -> None:
    machine.define_command("slowly", Script(sleep=1.5, stdout=b"x" * 100))
    transport = SshTransport(server.endpoint(user))
    asked = program(Run(("slowly",)), WriteFile(f"{machine.root}/after", b""))
    task = asyncio.create_task(transport.run(asked))
    while machine.status(state.RECORD) is None or b"0 begun" not in machine.read_file(state.RECORD):
        await transport.clock.sleep(0.05)
    sshd.kill_sessions(server)
    refusal = await task
    assert isinstance(refusal, Refusal)
    assert refusal.kind is RefusalKind.LOST
    assert "of 2 writes" in refusal.detail
    assert await transport.wait_idle(30) is None
    record = state.parse_record(machine.read_file(state.RECORD).decode())
    assert record is not None
    assert (record.states, record.ended) == ({0: "done", 1: "done"}, True)
    await transport.close()


async def test_a_program_under_sudo_with_a_terminal_of_its_own_outlives_its_connection_too(
    machine: Namespace, server: Server
) -> None:
    machine.sh("echo 'Defaults use_pty' >>/etc/sudoers")
    await test_a_program_outlives_a_connection_that_dies_without_a_word(machine, server, "operator")


async def test_a_host_that_was_away_is_reached_again(machine: Namespace, server: Server) -> None:
    transport = SshTransport(server.endpoint())
    assert isinstance(await transport.gather(()), tuple)
    sshd.kill_sessions(server)
    server.process.kill()
    server.process.wait()
    assert await refused_kind(transport) is RefusalKind.UNREACHABLE
    again = machine.start(sshd.DAEMON, "-D", "-e", "-f", "/run/sshd_config")
    while await refused_kind(transport) is RefusalKind.UNREACHABLE:
        assert again.poll() is None
        await asyncio.sleep(0.05)
    assert await transport.gather(()) == ()
    await transport.close()


async def refused_kind(transport: SshTransport) -> RefusalKind | None:
    """Why a gathering of nothing is refused now."""
    reply = await transport.gather(())
    return reply.kind if isinstance(reply, Refusal) else None
