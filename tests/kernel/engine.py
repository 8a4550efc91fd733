"""A real engine process that works on the guest over SSH, until a signal strikes it at a chosen point.

Points are those of `tests.story.watched`. A point's name says on which side of the reboot it lies: `before the reboot`
until the run means to reboot the host, `since the reboot` from then on.

Boundary: what a face does, in a process of its own. Processes come from a fork server that has the engine loaded.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path

from gpucarve import app, spec
from gpucarve.app.worlds import open_world
from gpucarve.engine.converge import Result
from gpucarve.model.hosts import ResourceKey
from gpucarve.plan.plans import Purpose
from tests.story.watched import WatchedJournal, WatchedWorld

BEFORE, SINCE = "before the reboot", "since the reboot"

_POLL_SECONDS = 0.02
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.kernel.engine", "gpucarve.transports.ssh_connection"])


@dataclass(frozen=True)
class Errand:
    """What the process is to do, and where it is to be struck by `signal`.

    `at` is a point's name and which of its passings is meant, counted from 1; `after_program` is the number of the
    program after which it is, counted likewise. `fresh` means the first point whose name stands in no line of the file
    `struck`, and puts it there. Names passed go to `trail`, how it ended to `ending`.
    """

    text: bytes
    journal: Path
    purpose: Purpose = Purpose.APPLY
    at: tuple[str, int] | None = None
    after_program: int = 0
    fresh: bool = False
    signal: int = signal.SIGKILL
    take_over: bool = False

    @property
    def trail(self) -> Path:
        """The names of the points passed by all processes with this journal, one a line."""
        return self.journal.with_name("trail")

    @property
    def struck(self) -> Path:
        """The names of the points at which such a process was struck, one a line."""
        return self.journal.with_name("struck")

    @property
    def ending(self) -> Path:
        """How the last one ended, in words."""
        return self.journal.with_name("ending")


@dataclass
class Watch:
    """Notes each point that is passed, and strikes at the chosen one."""

    errand: Errand
    side: str = BEFORE
    programs: int = 0
    passed: Counter[str] = field(default_factory=Counter)

    def point(self, name: str) -> None:
        """A point is passed."""
        full = f"{self.side}: {name}"
        self.passed[full] += 1
        _append(self.errand.trail, full)
        fresh = self.errand.fresh and full not in lines(self.errand.struck)
        done = name.startswith("after program:")
        self.programs += done
        counted = done and self.programs == self.errand.after_program
        if fresh or counted or (full, self.passed[full]) == self.errand.at:
            _append(self.errand.struck, full)
            os.kill(os.getpid(), self.errand.signal)


class _Journal(WatchedJournal):
    """Knows on which side of the reboot the run is."""

    watch: Watch

    def intend(self, run: str, keys: tuple[ResourceKey, ...], detail: str = "") -> None:
        super().intend(run, keys, detail)
        if any(key.kind == "reboot" for key in keys):
            self.watch.side = SINCE


def start(errand: Errand) -> Engine:
    """Start an engine."""
    process = _context.Process(target=_main, args=(errand,), daemon=True)
    process.start()
    return Engine(errand, process)


@dataclass
class Engine:
    """A process that was started."""

    errand: Errand
    process: BaseProcess

    @property
    def pid(self) -> int:
        """Its id."""
        assert self.process.pid is not None
        return self.process.pid

    def wait(self) -> int:
        """Wait for its end; the exit status, 0 when everything stands, negative for the signal that ended it."""
        self.process.join()
        assert self.process.exitcode is not None
        return self.process.exitcode

    def wait_for(self, happened: Callable[[], bool]) -> None:
        """Wait for something that it is to bring about. Raises AssertionError when it ends without."""
        while not happened():
            assert self.process.exitcode is None, f"it ended too early: {self.said}"
            time.sleep(_POLL_SECONDS)

    def passes(self, name: str) -> bool:
        """Whether the point has been passed."""
        return name in lines(self.errand.trail)

    def points(self) -> list[tuple[str, int]]:
        """Wait for an undisturbed run's end; every point that it passed, and for the how-manieth time, in order."""
        assert self.wait() == 0, self.said
        passed: Counter[str] = Counter()
        found: list[tuple[str, int]] = []
        for name in lines(self.errand.trail):
            passed[name] += 1
            found.append((name, passed[name]))
        return found

    def stopped(self) -> bool:
        """Whether a signal has stopped it."""
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"

    def kill(self) -> None:
        """SIGKILL, and wait for its end."""
        self.process.kill()
        assert self.wait() == -signal.SIGKILL

    @property
    def said(self) -> str:
        """How it ended, in words."""
        return self.errand.ending.read_text() if self.errand.ending.exists() else "nothing"


def lines(path: Path) -> list[str]:
    """The lines of a file that may not be there yet."""
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def _append(path: Path, line: str) -> None:
    with path.open("a", encoding="utf-8") as stream:
        stream.write(f"{line}\n")


def _main(errand: Errand) -> None:
    errand.ending.unlink(missing_ok=True)
    result = asyncio.run(_run(errand))
    for target, ending in result.endings.items():
        _append(errand.ending, f"{target}: {ending.outcome.value}: {'; '.join(ending.reasons)}")
    raise SystemExit(0 if result.done else 1)


async def _run(errand: Errand) -> Result:
    watch = Watch(errand)
    _Journal.passed = staticmethod(watch.point)
    _Journal.watch = watch
    journal = _Journal(errand.journal)
    fleet = app.Fleet.of(spec.load(errand.text, "fleet.yaml"), errand.text)
    world = WatchedWorld(open_world(fleet, None), watch.point)
    run = app.unfinished(journal, fleet, errand.purpose)
    if run is None:
        plan = (await app.survey(world, fleet, errand.purpose)).draft.plan
    else:
        plan = run.plan
        meant = any(each.step.endswith("reboot") and each.phase == "intent" for each in journal.entries(run.run))
        watch.side = SINCE if meant else BEFORE
    try:
        return await app.apply(world, journal, plan, lambda _event: None, continued=run, take_over=errand.take_over)
    finally:
        await world.close()
