"""What holds for every test, wherever it lies."""

from __future__ import annotations

import pytest

MACHINES = ("test_bench", "test_driver_double", "test_guests", "test_passthrough", "test_topologies")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Two workers run the bench's tests, so that they share a guest each instead of booting one a test.

    One has the stories, the other what is about machines: topologies, the doubles, guests within the guest.
    """
    for item in items:
        if item.get_closest_marker("kernel"):
            group = "machines" if item.path.stem in MACHINES else "stories"
            item.add_marker(pytest.mark.xdist_group(group))
