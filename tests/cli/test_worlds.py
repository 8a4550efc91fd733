"""How a document's hosts are reached."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from gpucarve.app.worlds import endpoint, open_host
from gpucarve.model.hosts import Target
from gpucarve.spec import SshAccess
from tests.cli.conftest import Cli


def test_paths_of_a_document_start_from_its_folder_and_a_tilde_from_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    access = SshAccess.model_validate({"user": "admin", "knownHosts": "keys/known_hosts", "identityFile": "~/.ssh/lab"})
    found = endpoint(access, "a30-1", Path("/srv/fleets"))
    assert (found.known_hosts, found.identity) == ("/srv/fleets/keys/known_hosts", "/home/ada/.ssh/lab")


def test_a_node_is_reached_at_its_own_address_port_and_user() -> None:
    access = SshAccess.model_validate({"user": "admin", "port": 2222, "hosts": {"a30-1": "192.0.2.7"}})
    found = endpoint(access, "a30-1", Path())
    assert (found.host, found.port, found.user) == ("192.0.2.7", 2222, "admin")
    assert endpoint(access, "a30-2", Path()).host == "a30-2"


def test_one_host_is_named_as_ssh_takes_it() -> None:
    assert open_host("root@gpu-1.example.org", None)[1] == Target("ssh", "gpu-1.example.org")


@pytest.mark.parametrize("destination", ["", "-oProxyCommand=x", "a b", "root@", "ssh://x", "x;y", "@x", "é"])
def test_what_is_no_host_is_refused(destination: str) -> None:
    with pytest.raises(ValueError, match="is not"):
        open_host(destination, None)


def test_a_host_that_refuses_the_connection_ends_with_69(cli: Cli) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        access = f"access: {{ssh: {{user: admin, port: {port}, hosts: {{computegpu000: 127.0.0.1}}}}}}"
        cli.fleet.write_text(cli.fleet.read_text().replace("access: {ssh: {user: admin}}", access))
        said = cli.on_fleet("plan")
    assert said.status == 69
    assert "cci1/computegpu000" in said.out
    assert "unreachable" in said.out


def test_an_identity_file_that_is_not_there_is_named_with_77_before_anybody_is_asked(cli: Cli) -> None:
    access = "access: {ssh: {user: admin, identityFile: keys/lab, hosts: {computegpu000: 127.0.0.1}}}"
    cli.fleet.write_text(cli.fleet.read_text().replace("access: {ssh: {user: admin}}", access))
    said = cli.on_fleet("plan")
    words = " ".join(said.out.split())
    assert said.status == 77
    assert f"the identity file {cli.folder / 'keys' / 'lab'} cannot be read: No such file or directory" in words
    assert "sudo" not in words
