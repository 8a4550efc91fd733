"""Where a host's SSH server is and how to log in.

Boundary: a value; nothing is connected here.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SshEndpoint:
    """Where and how to connect; what is None is left to ssh's configuration.

    `known_hosts`, `identity` and `config` are files. `sudo` None means: for every user but root. `patience` is how many
    seconds a connection may take to be made, `keepalive` after how many seconds of silence the host is asked for a sign
    of life; three without an answer end the connection.
    """

    host: str
    port: int | None = None
    user: str | None = None
    known_hosts: str | None = None
    identity: str | None = None
    config: str | None = None
    sudo: bool | None = None
    patience: float = 15.0
    keepalive: float = 15.0
