"""Leaving a test out on a machine that lacks a part which it runs for real.

Boundary: says so, or fails. Which parts there are is `requirements/debian.txt`; the bench is `tests.kernel.missing`'s.
"""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def leave_out(why: str) -> NoReturn:
    """Skip the running test for this reason. CI has every part, so there it fails instead."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI has to have this: {why}")
    pytest.skip(why)  # the one place where a part is missed: elsewhere than in CI nobody has to install all of them
