"""What the tests of the boot script share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.boot import rooted
from tests.parts import leave_out


@pytest.fixture
def root(tmp_path: Path) -> rooted.Rooted:
    """A fresh root with the script in its place."""
    if why := rooted.missing():
        leave_out(why)
    return rooted.rooted(tmp_path)
