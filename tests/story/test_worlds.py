"""Seeded worlds in which up to three things go wrong during an apply, and up to three more during its rollback.

GPUCARVE_WORLDS=10000 runs that many; a failing world is its seed, which is the number in the test's name.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from gpucarve import app
from gpucarve.engine.converge import Result
from gpucarve.engine.endings import Ending, Outcome
from gpucarve.facts import ours
from gpucarve.model.findings import Verdict
from gpucarve.plan.plans import Purpose
from gpucarve.twin.faults import CommandFails, Fault, Point, PowerLoss, SelfReboot, SriovRefusals, draw
from gpucarve.twin.hosts import SimulatedHost
from tests.story.lab import GPU, Lab, footprint

pytestmark = pytest.mark.anyio

WORLDS = int(os.environ.get("GPUCARVE_WORLDS", "150"))
AWAY = {Outcome.UNREACHABLE, Outcome.LOCKED}  # the host does not answer, or an orphan is still at work there
PURPOSES = (Purpose.APPLY, Purpose.ROLLBACK)
# The commands that only the one or the other has use for.
BUILDING = {"-e", "define", "start", "enable"}
TAKING = {"-d", "stop", "undefine", "disable"}


@dataclass
class Watch:
    """Judges each command as it starts: whether the machine needs it, and whether the purpose has a use for it."""

    host: SimulatedHost
    purpose: Purpose = Purpose.APPLY
    wrong: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        spawn = self.host.spawn

        def judge(argv: tuple[str, ...], parent: int | None = None) -> int:
            self._judge(argv)
            return spawn(argv, parent)

        self.host.spawn = judge  # type: ignore[method-assign]  # seen from outside

    def _judge(self, argv: tuple[str, ...]) -> None:
        name, verb = argv[0].rpartition("/")[2], argv[1] if len(argv) > 1 else ""
        self.seen.add(verb)
        if not self._needed(name, verb, argv):
            self.wrong.append(f"{' '.join(argv)}: nothing was left to do")
        if verb in (TAKING if self.purpose is Purpose.APPLY else BUILDING):
            self.wrong.append(f"{' '.join(argv)}: during {self.purpose.value}")

    def _needed(self, name: str, verb: str, argv: tuple[str, ...]) -> bool:
        """Whether the machine is not yet as the command would make it."""
        running = self.host.machine.up
        match name, verb:
            case "sriov-manage", _:
                return bool(running.devices.vfs.get(GPU, 0)) is (verb == "-d")
            case "mdevctl", "define" | "undefine":
                uuid = argv[argv.index("--uuid") + 1]
                defined = any(path.endswith(uuid) for path in self.host.machine.files.nodes if "mdevctl.d" in path)
                return defined is (verb == "undefine")
            case "mdevctl", "start" | "stop":
                uuid = argv[argv.index("--uuid") + 1]
                return any(each.uuid == uuid for each in running.devices.mdevs) is (verb == "stop")
            case "systemctl", "reboot":
                on = "intel_iommu=on" in running.boot.cmdline
                return on is (self.purpose is Purpose.ROLLBACK) and self.host.machine.schedule.stops_at is None
            case "systemctl", "enable" | "disable" | "daemon-reload":
                return True  # a second time is as good as none: links that stand, units that are read again
            case _:
                return name in ("sh", "update-grub")  # a program's shell, and what derives grub.cfg again


@dataclass(frozen=True)
class Length:
    """How many writes and requests an undisturbed run takes."""

    writes: int
    requests: int


async def _lengths(folder: Path) -> dict[Purpose, Length]:
    lab = Lab(folder)
    found: dict[Purpose, Length] = {}
    for purpose in PURPOSES:
        before = dict(lab.host.counts)
        assert (await lab.run(purpose)).done
        writes, requests = (lab.host.counts[each] - before[each] for each in (Point.BEFORE_WRITE, Point.REQUEST))
        assert min(writes, requests) > 5
        found[purpose] = Length(writes, requests)
    return found


@pytest.fixture(scope="module")
def lengths() -> dict[Purpose, Length]:
    return {}


async def _attempt(lab: Lab, purpose: Purpose) -> Result | None:
    """What a person does: go on with what was cut off, else plan anew; None when the host does not answer."""
    run = app.unfinished(lab.journal, lab.fleet, purpose)
    if run is not None:
        return await lab.apply(run.plan, continued=run)
    survey = await lab.survey(purpose)
    assert {each.check for each in survey.problems} <= {"access"}, [each.sentence() for each in survey.problems]
    return None if survey.problems else await lab.apply(survey.draft.plan)


async def _until_it_stands(lab: Lab, purpose: Purpose) -> list[Ending]:
    """Run the same verb until it was done and nothing has happened since; the endings of those that were not done."""
    endings: list[Ending] = []
    for _ in range(9):
        result = await _attempt(lab, purpose)
        endings.extend(each for each in (result.endings.values() if result else ()) if each.outcome is not Outcome.DONE)
        await lab.world.clock.sleep(1000.0)
        survey = await lab.survey(purpose)
        if result is not None and result.done and not survey.problems and not survey.draft.plan.stages:
            return endings
    raise AssertionError(f"never done: {endings}")


def _check(endings: Sequence[Ending], faults: Sequence[Fault]) -> None:
    """Each ending has its reasons, and none says more than what was done to the host."""
    effects = [each.effect for each in faults]
    allowed = set(AWAY)
    if any(isinstance(effect, CommandFails | SriovRefusals) for effect in effects):
        allowed.add(Outcome.FAILED)
    for number, ending in enumerate(endings):
        if number and any(isinstance(effect, PowerLoss | SelfReboot) for effect in effects):
            allowed.add(Outcome.DIVERGED)  # a plan made half way; then the half that stood was lost
        assert ending.outcome in allowed, ending
        assert ending.reasons, ending
        assert all(ending.reasons), ending


@pytest.mark.parametrize("seed", range(WORLDS))
async def test_whatever_happens_in_a_world_the_end_stands_and_the_way_back_is_exact(
    seed: int, tmp_path: Path, lengths: dict[Purpose, Length]
) -> None:
    if not lengths:
        lengths.update(await _lengths(tmp_path / "lengths"))
    randomness = Random(seed)  # noqa: S311  # a world is replayed from its seed
    lab = Lab(tmp_path / "world", seed=seed)
    start, watch = footprint(lab.host), Watch(lab.host)
    faults: list[Fault] = []
    for watch.purpose in PURPOSES:
        length = lengths[watch.purpose]
        drawn = draw(randomness, writes=length.writes, requests=length.requests)
        faults += drawn
        for fault in drawn:
            lab.host.place(fault)
        _check(await _until_it_stands(lab, watch.purpose), faults)
        assert not watch.wrong, faults
        if watch.purpose is Purpose.APPLY:
            assert all(each.verdict is Verdict.HOLDS for each in await lab.verify()), faults
            assert len(lab.host.machine.up.devices.mdevs) == 2
    assert footprint(lab.host) == start, faults
    assert (await lab.observed()).require(ours.PROBE).claims == {}
    # All but `define` may have been the boot unit's work, after a reboot that nobody asked for.
    assert watch.seen >= {"define", "undefine"}, "what is watched has run"
