"""The floor: bare asyncssh, all hosts at once, one script in one exec a host. Run with the fleet's description.

Boundary: no gpucarve. What it leaves out (locks, records, syncs, undo) is what gpucarve is measured against.
"""

from __future__ import annotations

import asyncio
import sys

import asyncssh

from benchmarks.ssh import described, script
from benchmarks.ssh.steps import STEPS


async def _host(address: str, port: int, fleet: described.Description, text: str) -> str:
    options = {"known_hosts": fleet.known_hosts, "client_keys": [fleet.identity], "config": None, "username": "root"}
    async with asyncssh.connect(address, port, **options) as connection:
        return str((await connection.run(text, check=True)).stdout)


async def _main() -> None:
    fleet = described.read(sys.argv[1])
    text = script.written(STEPS)
    said = await asyncio.gather(*(_host(address, port, fleet, text) for _, address, port in fleet.hosts))
    sys.stdout.write(f"{sum(each.count('changed ') for each in said)} changed\n")


if __name__ == "__main__":
    asyncio.run(_main())
