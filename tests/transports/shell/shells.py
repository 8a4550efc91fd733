"""The shells that the compiler's output must mean the same to."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from gpucarve.transports.shell import BOOTSTRAP

SHELLS = {"dash": ("dash",), "bash": ("bash",), "bash-posix": ("bash", "--posix"), "busybox": ("busybox", "sh")}
every_shell = pytest.mark.parametrize(
    "shell",
    [
        pytest.param(
            command,
            id=name,
            marks=pytest.mark.skipif(shutil.which(command[0]) is None, reason=f"there is no {command[0]} (apt)"),
        )
        for name, command in SHELLS.items()
    ],
)


def run(shell: tuple[str, ...], text: str | bytes, *before: str) -> subprocess.CompletedProcess[bytes]:
    """Give a program to a shell as a transport does; `before` stands before the shell on its command line."""
    program = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    command = (*before, *shell, "-c", BOOTSTRAP)
    return subprocess.run(command, input=program, capture_output=True, check=False, timeout=60)
