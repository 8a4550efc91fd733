"""The contracts of the rooms do catch what they forbid: each is shown a package that breaks it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tracked import ROOT

ROOMS: tuple[str, ...] = (
    "cli",
    "app",
    "engine",
    "transports",
    "twin",
    "journal",
    "checks",
    "bench",
    "report",
    "runner",
    "plan",
    "platforms",
    "resources",
    "layout",
)
ROOMS += ("facts", "spec", "catalog", "calls", "model", "errors")

BREACHES = {
    "a lower room imports a higher one": ("plan", "import gpucarve.engine", "gpucarve.plan is not allowed"),
    "two rooms of one floor import each other": ("twin", "import gpucarve.journal", "gpucarve.twin is not allowed"),
    "a room that no layer names": ("attic", "", "gpucarve.attic"),
    "a pure room reads the clock": ("facts", "import time", "gpucarve.facts -> time"),
    "a pure room opens a socket": ("model", "import socket", "gpucarve.model -> socket"),
    "a submodule of a pure room starts a process": (
        "plan/deep",
        "import subprocess",
        "gpucarve.plan.deep -> subprocess",
    ),
    "a room that is not pure parses YAML": ("engine", "import yaml", "gpucarve.engine -> yaml"),
    "the engine opens a database": ("engine", "import sqlite3", "gpucarve.engine -> sqlite3"),
    "the engine speaks SSH": ("engine", "import asyncssh", "gpucarve.engine -> asyncssh"),
    "something rests on the program that travels": ("bench", "import gpucarve.runner", "Nothing imports the runner"),
    "the engine draws": ("engine", "import rich", "gpucarve.engine -> rich"),
}


def _house(root: Path) -> Path:
    """A package of empty rooms under `root`; returns its folder."""
    package = root / "gpucarve"
    for room in ROOMS:
        (package / room).mkdir(parents=True)
        (package / room / "__init__.py").touch()
    (package / "__init__.py").touch()
    for module in ("diagnostics", "findings"):
        (package / "model" / f"{module}.py").touch()
    imports = "import gpucarve.model.diagnostics\nimport gpucarve.model.findings\n"
    (package / "errors" / "__init__.py").write_text(imports, encoding="utf-8")
    return package


def _lint(root: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / "lint-imports"
    command = (str(program), "--no-logo", "--no-cache", "--config", str(ROOT / "pyproject.toml"))
    environment = {**os.environ, "PYTHONPATH": str(root)}
    return subprocess.run(
        command,
        check=False,
        cwd=root,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_house_that_obeys_keeps_every_contract(tmp_path: Path) -> None:
    _house(tmp_path)
    run = _lint(tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize(("module", "line", "complaint"), BREACHES.values(), ids=BREACHES.keys())
def test_breach_is_caught(tmp_path: Path, module: str, line: str, complaint: str) -> None:
    package = _house(tmp_path)
    folder = package / module
    folder.mkdir(exist_ok=True)
    (folder / "__init__.py").write_text(f"{line}\n", encoding="utf-8")
    run = _lint(tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    assert complaint in run.stdout
