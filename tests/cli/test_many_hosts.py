"""A fleet of more hosts than a process usually may have files open."""

from __future__ import annotations

import subprocess
import sys

_ASKED = """
import resource
from gpucarve.app.worlds import LocalWorld
from gpucarve.cli import reading
with reading.world(LocalWorld()):
    print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def test_a_process_takes_as_many_open_files_as_it_may_have() -> None:
    argv = ("sh", "-c", 'ulimit -Sn 256; ulimit -Hn 2048; exec "$0" -c "$1"', sys.executable, _ASKED)
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["2048", "2048"]
