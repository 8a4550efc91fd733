"""The files that git tracks, as the house's tests read them.

Boundary: asks git, reads files; judges nothing.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@cache
def paths() -> tuple[Path, ...]:
    """Every tracked file that is there, relative to the repository's root. Skips the test outside a checkout."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: nothing tells tracked files from others")  # an unpacked release is none
    listed = subprocess.run(
        ("git", "-C", str(ROOT), "ls-files", "-z"), check=True, capture_output=True, text=True, timeout=60
    )
    found = (Path(name) for name in listed.stdout.split("\0") if name)
    return tuple(path for path in found if (ROOT / path).is_file())


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """The numbered lines of one text file, from 1; none for a file that is not UTF-8 text."""
    content = (ROOT / path).read_bytes()
    if b"\0" in content:
        return
    yield from enumerate(content.decode("utf-8", "replace").splitlines(), start=1)
