"""The benchmark of hosts measures what it says: every tool leaves the same files, in the round trips that are shown.

Real sshd's in namespaces of this machine; the other tools come from their own environment. No time is looked at.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import hosts
from benchmarks.ssh import measuring, peers, servers, table
from benchmarks.ssh.measuring import Took
from benchmarks.ssh.servers import Servers
from benchmarks.ssh.steps import STEPS
from tests.parts import leave_out


@pytest.fixture
def fleet(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Servers]:
    if reason := servers.missing():
        leave_out(reason)
    folder = tmp_path / "fleet"
    folder.mkdir()
    with servers.serve(request.param, folder) as made:
        yield made


@pytest.mark.parametrize("fleet", [5], indirect=True)
def test_gpucarve_looks_at_a_host_in_one_exec_and_changes_it_in_one_more(fleet: Servers, tmp_path: Path) -> None:
    assert len(STEPS) == 18
    tried = hosts.tools(fleet, tmp_path / "tools", ("floor", "gpucarve"), relayed=True)
    counts = hosts.counted(fleet, tmp_path, tried)
    execs = {name: [each.sessions for each in runs] for name, runs in counts.items()}
    assert execs == {"floor": [1, 1], "gpucarve": [2, 1]}
    cold, warm = counts["gpucarve"]
    assert cold.to > warm.to > 3000, "keys are exchanged and a program is sent"


@pytest.mark.parametrize("fleet", [1], indirect=True)
def test_a_run_that_leaves_anything_else_than_the_steps_say_does_not_count(fleet: Servers, tmp_path: Path) -> None:
    (floor,) = hosts.tools(fleet, tmp_path / "tools", ("floor",), relayed=False)
    measuring.run(floor, fleet)
    (fleet.root(fleet.hosts[0]) / "etc/default/grub").chmod(0o600)
    with pytest.raises(SystemExit, match="etc/default/grub"):
        measuring.check(floor, fleet)


@pytest.mark.parametrize("fleet", [2], indirect=True)
def test_the_peers_take_bare_hosts_to_the_same_files(fleet: Servers) -> None:
    try:
        peers.prepared()
    except subprocess.CalledProcessError as error:
        leave_out(f"the peers' environment cannot be made: {error}")
    with tempfile.TemporaryDirectory() as short:  # the path of a socket of ssh's has 108 bytes at most
        for tool in hosts.tools(fleet, Path(short, "tools"), ("pyinfra", "mitogen", "ansible"), relayed=False):
            fleet.reset()
            measuring.run(tool, fleet)


def test_a_goal_that_is_missed_is_told_as_missed() -> None:
    def took(seconds: float) -> tuple[list[Took], list[Took]]:
        return [Took(seconds, 0, 0)], [Took(seconds, 0, 0)]

    times = {"floor": took(1.0), "gpucarve": took(1.3), "pyinfra": took(6.0), "ansible": took(20.0)}
    counts = {name: (table.Counts(1, 1, 1), table.Counts(1, 1, 1)) for name in times}
    text = table.markdown(table.Results(40, 1, times, {"gpucarve": took(1.7)}, counts))
    judged = {line.split(" | ")[0].strip("| "): line.split(" | ")[-1].strip("| ") for line in text.splitlines()[11:]}
    assert judged == {
        "warm / floor": "missed",
        "cold / floor": "reached",
        "pyinfra / gpucarve, warm": "reached",
        "pyinfra / gpucarve, cold": "reached",
        "ansible / gpucarve, warm": "missed",
        "ansible / gpucarve, cold": "missed",
        "with 80 ms added, warm": "reached",
    }
