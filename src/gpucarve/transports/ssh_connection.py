"""One ssh connection by asyncssh: made with a verified host key, used for one shell a program.

Boundary: translates the client library's exceptions into refusals; nothing of it is seen outside.
"""

from __future__ import annotations

import asyncio
import socket
from functools import lru_cache
from pathlib import Path
from typing import Any

import asyncssh

from gpucarve.calls.programs import Refusal, RefusalKind
from gpucarve.transports.exchange import REPLY_BYTES, Answer
from gpucarve.transports.shell import BOOTSTRAP
from gpucarve.transports.ssh_endpoint import SshEndpoint

_COMMAND = f"sh -c '{BOOTSTRAP}'"
_MISSED_SIGNS = 3


class Connection:
    """A connection that stands, or stood."""

    def __init__(self, client: asyncssh.SSHClientConnection, *, sudo: bool) -> None:
        self._client = client
        self._command = f"sudo -n -- {_COMMAND}" if sudo else _COMMAND

    @property
    def alive(self) -> bool:
        """Whether it is still thought to stand."""
        return not self._client.is_closed()

    async def carry(self, program: bytes, seconds: float) -> Answer | Refusal:
        """Give a program to a new shell. A Refusal means that nothing was sent."""
        try:
            session = _Session(program)
            channel, _ = await self._client.create_session(lambda: session, self._command, encoding=None)
        except (asyncssh.Error, OSError) as error:
            return Refusal(RefusalKind.UNREACHABLE, f"no session: {error}")
        try:
            async with asyncio.timeout(seconds):
                await session.ended
        except TimeoutError:
            pass
        finally:
            channel.close()
        return Answer(bytes(session.stdout), bytes(session.stderr), session.status)

    async def close(self) -> None:
        """End it at once, whatever is under way."""
        self._client.abort()
        await self._client.wait_closed()


class _Session(asyncssh.SSHClientSession[bytes]):
    """What a shell says; `ended` when its channel is closed, by whichever side.

    The program follows the request for the shell at once, as ssh(1) sends its input: waiting for the word that the
    shell was started would cost a round trip. A server that does not start one drops it.
    """

    def __init__(self, program: bytes) -> None:
        self._program = program
        self.stdout = bytearray()
        self.stderr = bytearray()
        self.status: int | None = None
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        self._channel = chan
        # the request itself is sent by the caller of this, before it waits for anything
        asyncio.get_running_loop().call_soon(self._send, chan)

    def _send(self, channel: asyncssh.SSHClientChannel[bytes]) -> None:
        if not channel.is_closing():
            channel.write(self._program)
            channel.write_eof()

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        (self.stdout if datatype is None else self.stderr).extend(data)
        if len(self.stdout) + len(self.stderr) > REPLY_BYTES and self._channel:
            self._channel.abort()

    def exit_status_received(self, status: int) -> None:
        self.status = status

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


async def connect(endpoint: SshEndpoint) -> Connection | Refusal:
    """Make a connection within the endpoint's patience, or say what is in the way and what to do."""
    name = endpoint.host
    if not _has_known_hosts(endpoint):
        return _host_key(endpoint, "there is no such file")
    try:
        client = await asyncssh.connect(name, **_options(endpoint))
    except asyncssh.HostKeyNotVerifiable as error:
        return _host_key(endpoint, str(error))
    except asyncssh.PermissionDenied as error:
        fix = (
            f"try `ssh {_destination(endpoint)}`: add a key to the agent, or name it with IdentityFile in ~/.ssh/config"
        )
        return Refusal(RefusalKind.NO_PERMISSION, f"{name} does not let us in: {error}", fix=fix)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        return _identity(endpoint, f"cannot be used: {error}")
    except socket.gaierror as error:
        fix = "give its address under the site's access.ssh.hosts; a twin's host is reached by --world SOCKET"
        return Refusal(RefusalKind.UNREACHABLE, f"{name}: {error.strerror}", fix=fix)
    except (asyncssh.Error, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.filename and error.filename == endpoint.identity:
            return _identity(endpoint, f"cannot be read: {error.strerror}")
        why = error.strerror if isinstance(error, OSError) else str(error)
        return Refusal(RefusalKind.UNREACHABLE, f"{name}: {why or str(error) or type(error).__name__}")
    user = client.get_extra_info("username")
    return Connection(client, sudo=user != "root" if endpoint.sudo is None else endpoint.sudo)


def _options(endpoint: SshEndpoint) -> dict[str, Any]:
    """What connect() takes; what it is not given it finds in ssh's configuration."""
    given = {
        "port": endpoint.port,
        "username": endpoint.user,
        "known_hosts": _known_hosts(endpoint.known_hosts) if endpoint.known_hosts else None,
        "client_keys": [endpoint.identity] if endpoint.identity else None,
        "config": [endpoint.config] if endpoint.config else None,
    }
    return {name: value for name, value in given.items() if value is not None} | {
        "connect_timeout": endpoint.patience,
        "login_timeout": endpoint.patience,
        "keepalive_interval": endpoint.keepalive,
        "keepalive_count_max": _MISSED_SIGNS,
    }


def _known_hosts(path: str) -> asyncssh.SSHKnownHosts:
    """The keys in a file, read once for all hosts as long as the file stays the same. Raises ValueError."""
    status = Path(path).stat()
    return _read_known_hosts(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=8)
def _read_known_hosts(path: str, _changed: int, _size: int) -> asyncssh.SSHKnownHosts:
    return asyncssh.read_known_hosts(path)


def _has_known_hosts(endpoint: SshEndpoint) -> bool:
    return endpoint.known_hosts is None or Path(endpoint.known_hosts).is_file()


def _identity(endpoint: SshEndpoint, said: str) -> Refusal:
    """What is wrong with the private key; of one that ssh's configuration names, the library does not say which."""
    file = f"the identity file {endpoint.identity}" if endpoint.identity else "a private key of ssh's configuration"
    fix = "name a private key without a passphrase as identityFile, or leave it out and add the key to the agent"
    return Refusal(RefusalKind.NO_PERMISSION, f"{endpoint.host} is not asked: {file} {said}", fix=fix)


def _host_key(endpoint: SshEndpoint, said: str) -> Refusal:
    """What is wrong with the host's key: it is another than the one known, or none is known."""
    file = endpoint.known_hosts or str(Path("~/.ssh/known_hosts").expanduser())
    name = f"[{endpoint.host}]:{endpoint.port}" if endpoint.port not in (None, 22) else endpoint.host
    try:
        known = any(asyncssh.match_known_hosts(file, endpoint.host, "", endpoint.port or 22))
    except (OSError, ValueError):
        known = False
    if known:
        fix = f"only if the host was set up anew, remove the old key: ssh-keygen -R '{name}' -f {file}"
        return Refusal(RefusalKind.HOST_KEY, f"the key of {name} is not the one in {file} ({said})", fix=fix)
    fix = f"compare its fingerprint while connecting once with `ssh {_destination(endpoint)}`"
    return Refusal(RefusalKind.HOST_KEY, f"no key of {name} is in {file} ({said})", fix=fix)


def _destination(endpoint: SshEndpoint) -> str:
    port = f"-p {endpoint.port} " if endpoint.port else ""
    return port + (f"{endpoint.user}@" if endpoint.user else "") + endpoint.host
