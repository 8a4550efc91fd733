"""The linters that CI and `make lint` run hold over the whole checkout."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tracked import ROOT

LINTERS = {
    "ruff finds nothing": ("ruff", "check", "--output-format=concise"),
    "ruff's formatter would change nothing": ("ruff", "format", "--check"),
    "mypy --strict finds nothing": ("mypy", "--no-pretty"),
    "each room imports only what its contract allows": ("lint-imports", "--no-logo", "--no-cache"),
}


@pytest.mark.parametrize("command", LINTERS.values(), ids=LINTERS.keys())
def test_linter_is_content(command: tuple[str, ...]) -> None:
    program = Path(sys.executable).parent / command[0]
    run = subprocess.run(
        (str(program), *command[1:]),
        check=False,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert run.returncode == 0, f"{' '.join(command)}\n{run.stdout}{run.stderr}"
