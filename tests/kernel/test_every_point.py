"""Kill a real engine at every point of an apply and of a rollback on the bench, one way each. Runs when asked for.

`GPUCARVE_EVERY_POINT=1` asks for it (`make kernel-every-point`); README.md says how long it takes. The points are
counted from an undisturbed run. Of the many that ask whether the host is back after its reboot, the first and the last
ones are struck.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from gpucarve.plan.plans import Purpose
from tests.kernel import shims
from tests.kernel.engine import SINCE, lines
from tests.kernel.lab import GuestLab, footprint
from tests.kernel.moments import REBOOT_SEEN, Moment, kill_within
from tests.kernel.test_crash import check_end

pytestmark = pytest.mark.skipif(
    os.environ.get("GPUCARVE_EVERY_POINT") != "1", reason="GPUCARVE_EVERY_POINT=1 asks for it (make kernel-every-point)"
)

Record = Callable[[str, object], None]
Point = tuple[str, int]

_ASKING = (f"{SINCE}: before gather: ReadFiles", f"{SINCE}: after gather: ReadFiles")


@pytest.fixture(scope="module")
def done(crossed: Moment, tmp_path_factory: pytest.TempPathFactory) -> Moment:
    """Everything stands."""
    lab = crossed.again(tmp_path_factory.mktemp("done"))
    assert lab.run().done
    shims.forget(lab.guest)
    lab.guest.snapshot("done")
    return Moment("done", lab, crossed.start)


def test_after_a_kill_at_any_point_until_the_reboot_is_seen_the_same_end_is_reached(
    bare: Moment, tmp_path: Path, record_property: Record
) -> None:
    points = _points(bare, tmp_path / "points")
    points = points[: points.index((REBOOT_SEEN, 1)) + 1]
    _strike_each(bare, points, tmp_path, record_property, check_end)


def test_after_a_kill_at_any_point_since_the_reboot_the_same_end_is_reached(
    crossed: Moment, tmp_path: Path, record_property: Record
) -> None:
    _strike_each(crossed, _points(crossed, tmp_path / "points"), tmp_path, record_property, check_end)


def test_after_a_kill_at_any_point_of_a_rollback_the_exact_start_is_reached(
    done: Moment, tmp_path: Path, record_property: Record
) -> None:
    def check(lab: GuestLab) -> None:
        assert not shims.repeated(lab.guest)
        assert footprint(lab.guest) == done.start

    points = _points(done, tmp_path / "points", Purpose.ROLLBACK)
    _strike_each(done, points, tmp_path, record_property, check, Purpose.ROLLBACK)


@pytest.mark.parametrize("program", ["outlives its controller", "dies too"])
@pytest.mark.parametrize("command", [shims.UPDATE_GRUB, shims.REBOOT])
def test_after_a_kill_within_a_command_before_the_reboot_the_same_end_is_reached(
    bare: Moment, tmp_path: Path, command: str, program: str
) -> None:
    _kill_within_and_go_on(bare.again(tmp_path / "lab"), command, program)


@pytest.mark.parametrize("program", ["outlives its controller", "dies too"])
@pytest.mark.parametrize("command", [shims.ENABLE, shims.DEFINE, shims.START])
def test_after_a_kill_within_a_command_since_the_reboot_the_same_end_is_reached(
    crossed: Moment, tmp_path: Path, command: str, program: str
) -> None:
    _kill_within_and_go_on(crossed.again(tmp_path / "lab"), command, program)


def _kill_within_and_go_on(lab: GuestLab, command: str, program: str) -> None:
    kill_within(lab, command)
    if program == "dies too":
        shims.kill_program(lab.guest)
    heir = lab.engine()
    if program != "dies too":
        heir.wait_for(lambda: any(name.endswith("before wait_idle") for name in lines(heir.errand.trail)))
        shims.let_go(lab.guest)
    assert heir.wait() == 0, heir.said
    check_end(lab)


def _points(moment: Moment, folder: Path, purpose: Purpose = Purpose.APPLY) -> list[Point]:
    """The points of an undisturbed run from this moment, in order."""
    points = moment.again(folder).engine(purpose).points()
    passed = dict(points)  # the last number of each
    return [point for point in points if not point[0].startswith(_ASKING) or _first_or_last(point, passed)]


def _first_or_last(point: Point, passed: Mapping[str, int]) -> bool:
    name, number = point
    return number in (1, passed[name])


def _strike_each(
    moment: Moment,
    points: list[Point],
    folder: Path,
    record: Record,
    check: Callable[[GuestLab], None],
    purpose: Purpose = Purpose.APPLY,
) -> None:
    missed = 0
    for number, point in enumerate(points):
        lab = moment.again(folder / str(number))
        status = lab.engine(purpose, at=point).wait()
        assert status in (0, -signal.SIGKILL), point
        missed += status == 0  # a reboot took fewer questions than the time before
        heir = lab.engine(purpose)
        assert heir.wait() == 0, f"killed {point}: {heir.said}"
        check(lab)
    record("points struck", f"{len(points) - missed} of {len(points)}")
    assert missed < len(points) / 4
