"""Running one tool: wall seconds, its own CPU seconds, what it left on each host.

Boundary: a run that fails, or leaves another tree than the steps say, ends the benchmark: its time would mean nothing.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

from benchmarks.ssh import trees
from benchmarks.ssh.peers import Tool
from benchmarks.ssh.servers import Servers

# Python keeps what it compiled, as an installation does, whatever is set here.
_ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds: from start to end, as a user waits for it; CPU of the tool with its children; CPU of all hosts."""

    wall: float
    cpu: float
    hosts_cpu: float


def run(tool: Tool, servers: Servers) -> Took:
    """Run it once; connections that it keeps are ended after that, outside of the time."""
    before = servers.cpu()
    with tempfile.TemporaryFile() as said:
        begun = time.monotonic()
        process = subprocess.Popen(
            tool.argv, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env={**_ENVIRONMENT, **tool.environment}
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        tool.after()
        said.seek(0)
        if process.returncode != 0:
            sys.exit(f"{tool.name} ended with {process.returncode}:\n{said.read().decode(errors='replace')[-4000:]}")
    check(tool, servers)
    return Took(wall, usage.ru_utime + usage.ru_stime, servers.cpu() - before)


def check(tool: Tool, servers: Servers) -> None:
    """Whether every host stands as the steps say."""
    wanted = trees.wanted()
    for host in servers.hosts:
        there = trees.found(servers.root(host))
        if there != wanted:
            wrong = {name: (there.get(name), wanted.get(name)) for name in there.keys() | wanted.keys()}
            sys.exit(f"{tool.name} left {host.name} with {[(k, *v) for k, v in wrong.items() if v[0] != v[1]]}")
