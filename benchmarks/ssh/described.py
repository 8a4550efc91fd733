"""The fleet as a measured program is told of it: one JSON file.

Boundary: plain data, no gpucarve; the floor reads it too.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Description:
    """Hosts as (name, address, port), and the files that prove who they and we are."""

    hosts: tuple[tuple[str, str, int], ...]
    known_hosts: str
    identity: str


def read(file: str) -> Description:
    """Read it."""
    data = json.loads(Path(file).read_text())
    hosts = tuple((host["name"], host["address"], host["port"]) for host in data["hosts"])
    return Description(hosts, data["known_hosts"], data["identity"])
