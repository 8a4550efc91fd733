"""How targets are reached: over SSH for a real fleet, by a child process for this machine, by a socket for a twin.

Boundary: transports are opened here and nowhere else. Opening connects to nothing yet; a host that does not answer
says so when it is asked.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from gpucarve.app.fleets import Fleet
from gpucarve.calls.transport import HostTransport
from gpucarve.model.hosts import Target
from gpucarve.spec import SshAccess
from gpucarve.transports.local import LocalTransport
from gpucarve.transports.ssh import SshTransport
from gpucarve.transports.ssh_endpoint import SshEndpoint

_DESTINATION = re.compile(r"(?:(?P<user>[A-Za-z_][A-Za-z0-9_-]{0,31})@)?(?P<host>[A-Za-z0-9][A-Za-z0-9._-]{0,252})")


class World(Protocol):
    """How hosts are reached."""

    def host(self, target: Target) -> HostTransport:
        """The transport of one host."""
        ...

    async def close(self) -> None:
        """Let go of everything."""
        ...


class SshWorld:
    """Real hosts, each with one connection that is kept."""

    def __init__(self, endpoints: Mapping[Target, SshEndpoint]) -> None:
        self._hosts = {target: SshTransport(endpoint) for target, endpoint in endpoints.items()}

    def host(self, target: Target) -> HostTransport:
        """The transport of one host. Raises KeyError for one that was not named at the start."""
        return self._hosts[target]

    async def close(self) -> None:
        """End every connection; programs under way on the hosts go on."""
        await asyncio.gather(*(host.close() for host in self._hosts.values()))


class LocalWorld:
    """This machine, as the user that runs gpucarve sees it."""

    target = Target("local", "localhost")

    def __init__(self) -> None:
        self._host = LocalTransport()

    def host(self, target: Target) -> HostTransport:
        """The transport of this machine. Raises KeyError for any other."""
        if target != self.target:
            raise KeyError(target)
        return self._host

    async def close(self) -> None:
        """Stop listening."""
        await self._host.close()


def open_world(fleet: Fleet, socket: Path | None, folder: Path = Path()) -> World:
    """The world of a fleet: the twin behind `socket`, else the document's own access.

    `folder` is where relative paths of the document start.
    """
    if socket is not None:
        return _twin(socket)
    hosts = fleet.spec.hosts()  # all of them: a demand is fitted to its whole pool, whichever hosts are meant
    return SshWorld({target: endpoint(site.access.ssh, target.name, folder) for target, site, _ in hosts})


def open_host(destination: str, socket: Path | None) -> tuple[World, Target]:
    """The world of one host without a document: `site/name` of a twin, or what ssh(1) would be given (`root@a30-1`).

    Raises ValueError when `destination` is neither.
    """
    if socket is not None:
        return _twin(socket), Target.parse(destination)
    match = _DESTINATION.fullmatch(destination)
    if match is None:
        raise ValueError(f"{destination!r} is not a host such as gpu-1 or root@gpu-1")
    target = Target("ssh", match["host"])
    return SshWorld({target: SshEndpoint(match["host"], user=match["user"])}), target


def endpoint(access: SshAccess, node: str, folder: Path) -> SshEndpoint:
    """Where a node's SSH server is, and with which files."""
    return SshEndpoint(
        host=access.address(node),
        port=access.port,
        user=access.user,
        known_hosts=_path(access.known_hosts, folder),
        identity=_path(access.identity_file, folder),
    )


def _twin(socket: Path) -> World:
    from gpucarve.twin import client  # noqa: PLC0415 - a whole simulated machine, for those alone who use one

    return client.connect(socket)


def _path(text: str | None, folder: Path) -> str | None:
    return str(folder / Path(text).expanduser()) if text else None
