"""A real ssh server inside a world: keys of its own, a loopback port, users with and without sudo.

The users exist in the world alone: it has its own /etc/passwd, /etc/shadow and /etc/sudoers.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gpucarve.transports.ssh_endpoint import SshEndpoint
from tests.transports.contract.namespaces import Namespace

DAEMON = "/usr/sbin/sshd"
_CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey /run/host_key
AuthorizedKeysFile /run/authorized_keys
PidFile none
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
MaxStartups 100
"""
# operator may become root without a password, guest may not at all, typist only with a password
_USERS = {"operator": 60001, "guest": 60002, "typist": 60003}
_SUDOERS = "operator ALL=(root) NOPASSWD: ALL\ntypist ALL=(root) ALL\n"


def missing() -> str:
    """Why no server can be had here; empty when it can."""
    lacking = [name for name in (DAEMON, "ssh-keygen", "sudo") if shutil.which(name) is None]
    return f"there is no {', '.join(lacking)} (apt: openssh-server, openssh-client, sudo)" if lacking else ""


@dataclass(frozen=True)
class Server:
    """Where it listens, and the files a client needs."""

    port: int
    known_hosts: str
    identity: str
    process: subprocess.Popen[bytes]

    def endpoint(self, user: str = "root") -> SshEndpoint:
        """How `user` connects."""
        return SshEndpoint(
            "127.0.0.1", self.port, user, known_hosts=self.known_hosts, identity=self.identity, config="/dev/null"
        )


def serve(world: Namespace, folder: Path) -> Server:
    """Start one in a world; `folder` gets the client's files."""
    host_key, identity = folder / "host_key", folder / "identity"
    port = _free_port()
    known_hosts = folder / "known_hosts"
    known_hosts.write_text(f"[127.0.0.1]:{port} {make_key(host_key).read_text()}")
    world.put_file("/run/authorized_keys", make_key(identity).read_bytes())
    world.put_file("/run/host_key", host_key.read_bytes(), 0o600)
    world.put_file("/run/sshd_config", _CONFIG.format(port=port).encode())
    _users(world)
    process = world.start(DAEMON, "-D", "-e", "-f", "/run/sshd_config")
    _wait_for(port, process)
    return Server(port, str(known_hosts), str(identity), process)


def kill_sessions(server: Server) -> None:
    """Kill the server's processes that hold connections, so that each is lost without a word; not what they started."""
    listing = subprocess.run(("ps", "-eo", "pid=,ppid=,comm="), capture_output=True, check=True, text=True)
    parents = {server.process.pid}
    for pid, parent, name in (line.split(None, 2) for line in listing.stdout.splitlines()):
        if int(parent) in parents and name.startswith("sshd"):
            parents.add(int(pid))
    for process in parents - {server.process.pid}:
        with suppress(ProcessLookupError):  # a child may end with its parent
            os.kill(process, signal.SIGKILL)


def make_key(path: Path, passphrase: str = "") -> Path:
    """A new key; the path of its public half."""
    subprocess.run(("ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", "", "-f", str(path)), check=True)
    return path.with_suffix(".pub")


def _users(world: Namespace) -> None:
    """Add the users on copies of the machine's files, laid over them in the world."""
    passwd = "".join(f"{name}:x:{uid}:{uid}::/:/bin/sh\n" for name, uid in _USERS.items())
    shadow = "".join(f"{name}:*:19000:0:99999:7:::\n" for name in _USERS)
    for name, added in (("passwd", passwd), ("shadow", shadow)):
        lines = Path(f"/etc/{name}").read_text().splitlines(keepends=True)
        root = [
            "root:*:19000:0:99999:7:::\n" if name == "shadow" and line.startswith("root:") else line for line in lines
        ]
        world.put_file(f"/run/{name}", ("".join(root) + added).encode(), 0o644 if name == "passwd" else 0o640)
    world.put_file("/run/sudoers", _SUDOERS.encode(), 0o440)
    for name in ("passwd", "shadow", "sudoers"):
        world.sh(f"mount --bind /run/{name} /etc/{name}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as connection:
                if connection.recv(4) == b"SSH-":
                    return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError("the ssh server did not start")
