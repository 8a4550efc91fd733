"""A change of kind that is cut off goes on: the controller killed, or the guest without power, at every point of it.

From a card with MIG-backed vGPUs to passthrough and back everything is on the way: bindings, MIG mode, virtual
functions, instances, vGPUs, the boot unit. Runs when GPUCARVE_EVERY_POINT=1 asks for it; `test_kinds` strikes a few.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass
from os import environ
from pathlib import Path

import pytest

from tests.kernel import shims
from tests.kernel.cards import CARDS, card, cards
from tests.kernel.guest import Guest
from tests.kernel.lab import GuestLab
from tests.story.kinds import KINDS

Record = Callable[[str, object], None]
Point = tuple[str, int]

BACKED, GIVEN = "mig-backed", "passthrough"
pytestmark = pytest.mark.skipif(
    environ.get("GPUCARVE_EVERY_POINT") != "1", reason="GPUCARVE_EVERY_POINT=1 asks for it (make kernel-every-point)"
)

_ONCE = ("sriov-manage", "mdevctl start", "mdevctl stop")


@dataclass(frozen=True)
class Ways:
    """A guest that stands at either end, each a snapshot with its controller; and the other board as it was."""

    labs: dict[str, GuestLab]
    other: str

    def from_(self, kind: str, folder: Path, then: str) -> GuestLab:
        """The guest with a card of one kind, and its controller with the document of the other."""
        before = self.labs[kind]
        before.guest.restore(kind)
        lab = before.copy(folder)
        lab.cut = KINDS[then]
        return lab


@pytest.fixture(scope="module")
def ways(pair_guest: Guest, tmp_path_factory: pytest.TempPathFactory) -> Ways:
    """Both ends."""
    pair_guest.restore("pair")
    labs: dict[str, GuestLab] = {}
    lab = GuestLab(pair_guest, tmp_path_factory.mktemp("ways"))
    for kind in (BACKED, GIVEN):
        lab.becomes(KINDS[kind])
        shims.forget(pair_guest)
        pair_guest.snapshot(kind)
        labs[kind] = lab.copy(tmp_path_factory.mktemp(kind))
    return Ways(labs, cards(pair_guest)[1])


@pytest.mark.parametrize(("first", "then"), [(BACKED, GIVEN), (GIVEN, BACKED)])
def test_a_change_of_kind_is_finished_after_a_kill_or_a_power_cut_on_its_way(
    ways: Ways, tmp_path: Path, record_property: Record, first: str, then: str
) -> None:
    points = ways.from_(first, tmp_path / "undisturbed", then).engine().points()
    writing = [each for each in points if "after program" in each[0]]
    for number, point in enumerate(points):
        lab = ways.from_(first, tmp_path / f"kill {number}", then)
        status = lab.engine(at=point).wait()
        assert status in (0, -signal.SIGKILL), point
        assert lab.run().done, point
        assert (*cards(lab.guest), lab.stands()) == (CARDS[then], ways.other, True), point
        assert not _repeated(lab.guest), point
    for number, point in enumerate(writing):
        lab = ways.from_(first, tmp_path / f"cut {number}", then)
        lab.engine(at=point).wait()
        lab.guest.quit()
        lab.guest.start(snapshot=None)
        assert lab.run().done, point
        assert (card(lab.guest), lab.stands()) == (CARDS[then], True), point
    record_property("points on the way", len(points))


def _repeated(guest: Guest) -> list[str]:
    counted = shims.ran(guest)
    assert counted, "nothing was counted"
    return [command for command, times in counted.items() if times > 1 and command.startswith(_ONCE)]
