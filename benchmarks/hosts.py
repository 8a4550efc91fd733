"""18 idempotent steps on N hosts over ssh: gpucarve beside bare asyncssh with one script, pyinfra, Ansible and mitogen.

N sshd's on loopback addresses, each a host of its own (see `ssh/servers.py`), are made by the benchmark itself. Every
tool runs as its users run it, from the start of its process to its end: first on bare hosts (cold), then again (warm).
Tools take turns, in another order each round. A run counts only when every host stands as the steps say afterwards.
Sessions and bytes are counted in runs of their own, through a relay; so is the time with 80 ms more a round trip.

    python -m benchmarks.hosts                      # 10 hosts, 5 rounds
    python -m benchmarks.hosts --hosts 40
    python -m benchmarks.hosts --tools floor gpucarve --no-latency

Needs root (mount namespaces), OpenSSH's server, and once a package index for the peers' environment.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.ssh import described, peers, servers, table
from benchmarks.ssh.measuring import Took, run
from benchmarks.ssh.peers import Tool
from benchmarks.ssh.relay import Traffic, relay
from benchmarks.ssh.servers import Servers
from benchmarks.ssh.table import Counts, Results, Times

NAMES = ("floor", "gpucarve", "pyinfra", "mitogen", "ansible")
_ADDED = 0.080  # seconds a round trip


def tools(fleet: Servers, folder: Path, names: Sequence[str], *, relayed: bool) -> list[Tool]:
    """The tools by name, with the files that they are given in `folder`."""
    folder.mkdir()
    file = folder / "fleet.json"
    file.write_text(json.dumps(servers.described(fleet, relayed=relayed)))
    known = described.read(str(file))
    made: list[Tool] = []
    for name in names:
        if name == "floor":
            made.append(peers.floor(file))
        elif name == "gpucarve":
            made.append(peers.gpucarve(file, folder))
        elif name == "pyinfra":
            made.append(peers.pyinfra(known, folder / name, peers.prepared()))
        else:
            made.append(peers.ansible(known, folder / name, peers.prepared(), mitogen=name == "mitogen"))
    return made


def timed(fleet: Servers, tried: Sequence[Tool], rounds: int) -> dict[str, tuple[list[Took], list[Took]]]:
    """Cold and warm runs of each tool; who comes first changes with the round."""
    found: dict[str, tuple[list[Took], list[Took]]] = {tool.name: ([], []) for tool in tried}
    for number in range(rounds):
        shift = number % len(tried)
        for tool in (*tried[shift:], *tried[:shift]):
            fleet.reset()
            for times in found[tool.name]:
                times.append(run(tool, fleet))
            cold, warm = (times[-1].wall for times in found[tool.name])
            sys.stderr.write(f"round {number + 1}: {tool.name:<9} cold {cold:7.2f} s, warm {warm:7.2f} s\n")
    return found


def counted(fleet: Servers, folder: Path, tried: Sequence[Tool]) -> dict[str, tuple[Counts, Counts]]:
    """Sessions that one sshd started and bytes that its relay saw, cold and warm: the mean of all hosts."""
    found: dict[str, tuple[Counts, Counts]] = {}
    for tool in tried:
        fleet.reset()
        cold, warm = (_count(fleet, folder, tool) for _ in range(2))
        found[tool.name] = cold, warm
    return found


def _count(fleet: Servers, folder: Path, tool: Tool) -> Counts:
    before = sum(map(fleet.sessions, fleet.hosts))
    with _relayed(fleet, folder, 0.0) as traffic:
        run(tool, fleet)
    sessions = sum(map(fleet.sessions, fleet.hosts)) - before
    size = len(fleet.hosts)
    to, back = (sum(way(host.name) for host in fleet.hosts) for way in (traffic.to, traffic.back))
    return Counts(sessions / size, to / size, back / size)


@contextmanager
def _relayed(fleet: Servers, folder: Path, delay: float) -> Iterator[Traffic]:
    file = folder / "relay.json"
    file.write_text(json.dumps(servers.described(fleet)))
    with relay(file, delay) as traffic:
        yield traffic


def measure(count: int, rounds: int, names: Sequence[str], scratch: Path, *, latency: bool) -> Results:
    """Everything that the table shows."""
    fleet_folder = scratch / "fleet"
    fleet_folder.mkdir()
    with servers.serve(count, fleet_folder) as fleet:
        relayed = tools(fleet, scratch / "relayed", names, relayed=True)
        counts = counted(fleet, scratch, relayed)
        times = timed(fleet, tools(fleet, scratch / "direct", names, relayed=False), rounds)
        slow: Times = {}
        if latency:
            with _relayed(fleet, scratch, _ADDED / 2):
                slow = timed(fleet, relayed, rounds)
    return Results(count, rounds, times, slow, counts)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description="gpucarve's speed on hosts, beside the tools people use")
    parser.add_argument("--hosts", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tools", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--no-latency", action="store_true", help="leave out the runs with 80 ms more a round trip")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the hosts end with it
    if reason := servers.missing():
        sys.exit(reason)
    with tempfile.TemporaryDirectory(prefix="gpucarve-hosts-") as scratch:
        results = measure(given.hosts, given.rounds, given.tools, Path(scratch), latency=not given.no_latency)
    sys.stdout.write(table.markdown(results))


if __name__ == "__main__":
    main()
