"""Starting a world's process and waiting until it can be asked.

Boundary: one child process; who asks it is `client`.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

from gpucarve.errors import UnreachableError

_PATIENCE = 20.0


def launch(world: str, path: Path, *, speed: float | None = None) -> subprocess.Popen[bytes]:
    """Start the process and wait for its socket; it speaks on our stderr. Raises UnreachableError when it cannot."""
    if _answers(path):
        raise UnreachableError(f"{path}: another world listens there", hint="end it, or choose another path")
    argv = [sys.executable, "-m", "gpucarve.twin", world, str(path)]
    if speed is not None:
        argv += ["--speed", str(speed)]
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL)
    deadline = time.monotonic() + _PATIENCE
    while not _answers(path):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            process.wait()
            raise UnreachableError("the twin's process did not start", hint="what it said is above")
        time.sleep(0.02)
    return process


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(str(path)) == 0
