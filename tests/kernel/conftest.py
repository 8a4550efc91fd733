"""Fixtures of the kernel bench: one guest a session, and snapshots of it that a test starts from.

`guest` is the running guest as whoever used it last left it; a test asks for `bare_host` or `vgpu_host` instead, which
restore a snapshot first and give the same guest.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kernel import cards, machine, moments
from tests.kernel.bench import IOMMU_ON
from tests.kernel.guest import Guest
from tests.kernel.missing import needed
from tests.kernel.moments import Moment

# What shares a guest and the moments kept of it; each is about as long as the others.
GROUPS = {
    "crashes": ("test_controllers", "test_crash", "test_every_point", "test_losses"),
    "changes": (
        "test_dracut", "test_foreign", "test_hand_made", "test_kinds", "test_kinds_crash", "test_passthrough",
        "test_story",
    ),
    "machines": (
        "test_bench", "test_driver_double", "test_guests", "test_topologies", "test_twin_equals_kernel",
    ),
}  # fmt: skip
VGPU_HOST = "vgpu-host"


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in this hook too
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever lies in this folder needs the bench, so that `-m "not kernel"` leaves all of it out.

    A worker runs a whole group, with guests of its own. Raises KeyError for a file that is in no group.
    """
    here = Path(__file__).parent
    group_of = {file: group for group, files in GROUPS.items() for file in files}
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.kernel)
            item.add_marker(pytest.mark.xdist_group(group_of[item.path.stem]))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The figures that tests have recorded, a line each."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            terminalreporter.write_line(f"{report.nodeid.partition('::')[2]}: {name}: {value}")


@pytest.fixture(scope="session")
def guest() -> Iterator[Guest]:
    """The session's guest, booted; its disk holds the snapshot `clean`."""
    with Guest(needed()) as running:
        running.start()
        yield running


@pytest.fixture
def bare_host(guest: Guest) -> Guest:
    """The guest as a bare host: IOMMU off, no VFs, the driver on the physical function."""
    guest.restore()
    return guest


@pytest.fixture(scope="session")
def vgpu_host_snapshot(guest: Guest) -> str:
    """Name of a snapshot with the IOMMU on (after a reboot), all VFs enabled, and no vGPU."""
    guest.restore()
    guest.shell("sed -i 's/intel_iommu=off/intel_iommu=on iommu=pt/' /etc/default/grub; update-grub 2>/dev/null")
    guest.reboot()
    guest.shell("/usr/lib/nvidia/sriov-manage -e 0000:05:00.0")
    guest.snapshot(VGPU_HOST)
    return VGPU_HOST


@pytest.fixture
def vgpu_host(guest: Guest, vgpu_host_snapshot: str) -> Guest:
    """The guest with the IOMMU on and all VFs enabled."""
    guest.restore(vgpu_host_snapshot)
    return guest


@pytest.fixture(scope="session")
def bare(guest: Guest, tmp_path_factory: pytest.TempPathFactory) -> Moment:
    """The bare host with shims in front of its tools."""
    return moments.bare(guest, tmp_path_factory.mktemp("bare"))


@pytest.fixture(scope="session")
def crossed(bare: Moment, tmp_path_factory: pytest.TempPathFactory) -> Moment:
    """A run that was killed twice, and whose reboot is over."""
    return moments.crossed(bare, tmp_path_factory.mktemp("crossed"))


@pytest.fixture(scope="session")
def pair_guest() -> Iterator[Guest]:
    """A guest with two boards of one id and the IOMMU on; its disk holds the snapshot `pair`."""
    with Guest(needed(), topology=machine.PAIR, state=IOMMU_ON) as running:
        running.start(None)
        cards.prepare(running)
        yield running


@pytest.fixture
def pair(pair_guest: Guest) -> Guest:
    """The guest as `cards` prepared it."""
    pair_guest.restore(cards.PAIR)
    return pair_guest
