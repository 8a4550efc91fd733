"""N ssh servers on loopback addresses, each in a mount namespace of its own: one machine looks like N hosts.

A host has its own root directory (`steps.ROOT`, on the machine's disk), its own `/var/lib`, `/run` and `/tmp`, and an
empty home of root, so that no shell's start-up file of the machine is read. All listen on one port: 127.0.0.2,
127.0.0.3 and so on. Host keys are made anew and known; an sshd logs each session that it starts.

Boundary: needs root, for namespaces. Everything ends with the context that made it.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.ssh.steps import BARE, ROOT

_DAEMON = "/usr/sbin/sshd"
_SESSION = "Starting session: "
_CONFIG = """\
Port {port}
ListenAddress {address}
HostKey /mnt/fleet/host_key
AuthorizedKeysFile /mnt/fleet/identity.pub
PidFile none
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
MaxStartups 200
LogLevel VERBOSE
Subsystem sftp internal-sftp
"""
_DIRECTORIES = ("root", "var-lib")


@dataclass(frozen=True, slots=True)
class Host:
    """One server, as a client sees it."""

    name: str
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Servers:
    """The servers that run, and the files that a client needs. `folder` is the only place that is written to."""

    folder: Path
    hosts: tuple[Host, ...]
    daemons: tuple[int, ...] = ()

    @property
    def known_hosts(self) -> Path:
        """The hosts' keys, under the relay's addresses too."""
        return self.folder / "known_hosts"

    @property
    def identity(self) -> Path:
        """The private key that every host takes for root."""
        return self.folder / "identity"

    def root(self, host: Host) -> Path:
        """The directory that the host sees as `steps.ROOT`."""
        return self.folder / host.name / "root"

    def reset(self) -> None:
        """Make every host bare again."""
        for host in self.hosts:
            for name in _DIRECTORIES:
                for entry in (self.folder / host.name / name).iterdir():
                    shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
            for path, content in BARE.items():
                file = self.root(host) / path
                file.parent.mkdir(parents=True)
                file.write_text(content)

    def cpu(self) -> float:
        """CPU seconds of all that the servers have started so far; waits until none of it runs any more."""
        while any(Path(f"/proc/{pid}/task/{pid}/children").read_text() for pid in self.daemons):
            time.sleep(0.02)
        stats = (Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split() for pid in self.daemons)
        return sum(int(stat[13]) + int(stat[14]) for stat in stats) / os.sysconf("SC_CLK_TCK")

    def sessions(self, host: Host) -> int:
        """How many commands and subsystems the server has started so far."""
        return (self.folder / host.name / "log").read_text("utf-8", "replace").count(_SESSION)


def missing() -> str:
    """Why no servers can be had here; empty when they can."""
    if os.geteuid() != 0:
        return "each host is a mount namespace, which needs root"
    lacking = [name for name in (_DAEMON, "ssh-keygen", "ssh", "unshare") if shutil.which(name) is None]
    if lacking:
        return f"there is no {', '.join(lacking)} (apt: openssh-server, openssh-client, util-linux)"
    tried = subprocess.run(("unshare", "--mount", "true"), capture_output=True, check=False)
    return "" if tried.returncode == 0 else f"no mount namespace can be made: {tried.stderr.decode().strip()}"


@contextmanager
def serve(count: int, folder: Path) -> Iterator[Servers]:
    """Start so many bare hosts; `folder` is empty and gets everything that is written."""
    port = _free_port(count)
    hosts = tuple(Host(f"gpu-{n}", address(n), port) for n in range(count))
    for key in ("host_key", "identity"):
        subprocess.run(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(folder / key)), check=True)
    key = (folder / "host_key.pub").read_text()
    places = [address(n, relayed=relayed) for n in range(count) for relayed in (False, True)]
    _shadow(folder / "shadow")
    with ExitStack() as stack:
        servers = Servers(folder, hosts, tuple(stack.enter_context(_server(host, folder)) for host in hosts))
        servers.known_hosts.write_text("".join(f"[{place}]:{port} {key}" for place in places))
        for host in hosts:
            _wait_for(host)
        servers.reset()
        yield servers


def address(number: int, *, relayed: bool = False) -> str:
    """The loopback address of a host, or of the relay before it."""
    return f"127.0.{int(relayed)}.{number + 2}"


def described(servers: Servers, *, relayed: bool = False) -> dict[str, object]:
    """What a client's program is told, as plain JSON data; with `relayed`, each host's address is its relay's."""
    hosts = [
        asdict(host) | {"address": address(number, relayed=relayed), "relay": address(number, relayed=True)}
        for number, host in enumerate(servers.hosts)
    ]
    return {"hosts": hosts, "known_hosts": str(servers.known_hosts), "identity": str(servers.identity)}


@contextmanager
def _server(host: Host, folder: Path) -> Iterator[int]:
    own = folder / host.name
    for name in _DIRECTORIES:
        (own / name).mkdir(parents=True)
    (own / "sshd_config").write_text(_CONFIG.format(port=host.port, address=host.address))
    script = "\n".join(
        (
            "set -e",
            "mount -t tmpfs -o mode=755 none /mnt",
            f"mkdir {ROOT} /mnt/fleet",
            'mount --bind "$1" /mnt/fleet',
            'cd "/mnt/fleet/$2"',
            f"mount --bind root {ROOT}",
            "mount --bind var-lib /var/lib",
            "mount --bind ../shadow /etc/shadow",
            "mount -t tmpfs -o mode=700 none /root",
            "mount -t tmpfs -o mode=755 none /run",
            "mount -t tmpfs -o mode=1777 none /tmp",
            "mkdir /run/sshd",
            f'exec {_DAEMON} -D -E "/mnt/fleet/$2/log" -f "/mnt/fleet/$2/sshd_config"',
        )
    )
    command = ("unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", str(folder), host.name)
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
        try:
            yield process.pid
        finally:
            process.terminate()


def _shadow(file: Path) -> None:
    """The machine's, with root's account not locked: sshd lets nobody in whose account is, not even by key."""
    lines = Path("/etc/shadow").read_text().splitlines(keepends=True)
    file.touch(0o600)
    file.write_text("".join("root:*:19000:0:99999:7:::\n" if line.startswith("root:") else line for line in lines))


def _free_port(count: int) -> int:
    """A port that nobody has on any of the hosts' addresses, nor on the relay's."""
    while True:
        with ExitStack() as stack:
            first = stack.enter_context(socket.socket())
            first.bind((address(0), 0))
            port = int(first.getsockname()[1])
            rest = [address(n, relayed=relayed) for n in range(count) for relayed in (False, True)][1:]
            try:
                for place in rest:
                    stack.enter_context(socket.socket()).bind((place, port))
            except OSError:
                continue
            return port


def _wait_for(host: Host) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            with socket.create_connection((host.address, host.port), 1) as connection:
                if connection.recv(4) == b"SSH-":
                    return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"the ssh server of {host.name} did not start")
