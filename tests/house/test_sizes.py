"""`make sizes` counts what it says it counts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.house.tracked import ROOT


def _sizes(*folders: Path) -> str:
    command = (sys.executable, str(ROOT / "scripts/sizes.py"), *map(str, folders))
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout


def _file(path: Path, functions: int, body: int) -> None:
    """A module of `functions` functions, each of a `def` line and `body` lines."""
    path.write_text("".join(f"def f{number}():\n" + "    x = 1\n" * body for number in range(functions)), "utf-8")


def test_median_and_p90_are_lines_of_real_files_and_functions(tmp_path: Path) -> None:
    for number in range(1, 11):
        _file(tmp_path / f"m{number}.py", functions=1, body=number)
    assert f"{tmp_path} files: 10, median 6, p90 10, over 400 lines: 0" in _sizes(tmp_path)
    assert f"{tmp_path} functions: 10, median 6, p90 10, over 50 lines: 0" in _sizes(tmp_path)


def test_what_is_over_the_habit_is_named_longest_first(tmp_path: Path) -> None:
    _file(tmp_path / "long.py", functions=9, body=60)
    _file(tmp_path / "longer.py", functions=1, body=70)
    said = _sizes(tmp_path).splitlines()
    assert f"{tmp_path} files: 2, median 71, p90 549, over 400 lines: 1" in said
    over = [line for line in said if ".py:" in line]
    assert over[0].split() == ["71", f"{tmp_path / 'longer.py'}:1", "f0"]
    assert len(over) == 10


def test_an_empty_folder_has_no_sizes(tmp_path: Path) -> None:
    assert f"{tmp_path} files: 0, median 0, p90 0, over 400 lines: 0" in _sizes(tmp_path)
