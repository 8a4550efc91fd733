"""The engine without a world: plan, apply with a synced journal, plan again, for up to 10,000 hosts with a step each.

Every host answers at once, so what is measured is ours: `plan.making` drafts, `engine.converge` carries out, the
journal is synced on this machine's disk before each side effect. The step is a real one (modules loaded at boot), its
facts are those of the twin's built-in host before and after it. Each size runs in a process of its own.

    python -m benchmarks.engine

CPU and wall seconds; the exit status is 1 where something is over its bar.
"""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from gpucarve.calls.flows import Request
from gpucarve.calls.programs import CallOutcome, CallState, Guarded, Lease, ProgramReply, Refusal
from gpucarve.calls.replies import Done
from gpucarve.engine.channels import HostChannel
from gpucarve.engine.converge import converge
from gpucarve.errors import BugError
from gpucarve.facts.observed import Observed
from gpucarve.journal.store import Journal
from gpucarve.model.hosts import Target
from gpucarve.plan.making import Aim, Draft, make
from gpucarve.plan.plans import Purpose
from gpucarve.plan.rollouts import SiteRollout
from gpucarve.resources.decisions import Batch
from gpucarve.resources.host import modules_load
from gpucarve.resources.host.modules_load import ModulesLoad
from gpucarve.twin import worlds

_SIZES = (1000, 5000, 10000)
_BARS = {"plan": 2.0, "apply": 10.0, "plan again": 2.0}
_RUNS = 5
_GROWTH = 2.2
_MEGABYTES = 250
_MODULES = ("vfio_pci",)

T = TypeVar("T")


@dataclass
class Still:
    """A host on which every batch succeeds at once and is seen by the next look."""

    target: Target
    now_is: Observed
    then_is: Observed

    async def observe(self) -> Observed | Refusal:
        """What stands."""
        return self.now_is

    async def write(self, writes: Sequence[Guarded], *, last: bool = False) -> tuple[ProgramReply, Observed] | Refusal:
        """All of it is done."""
        self.now_is = self.then_is
        outcomes = tuple(CallOutcome(CallState.DONE, Done()) for _ in writes)
        return ProgramReply(Lease(1, 1), outcomes), self.now_is

    async def answer(self, request: Request) -> Any:
        """There are no flows."""
        raise BugError("a batch was promised")

    async def wait_idle(self, patience: float) -> Refusal | None:
        """Nobody is at work."""
        return None

    async def sleep(self, seconds: float) -> None:
        """No time passes."""

    async def now(self) -> float:
        """It is always the same time."""
        return 0.0

    async def release(self) -> None:
        """Nothing is held."""


def _load(target: Target) -> ModulesLoad:
    return ModulesLoad(modules_load.key(target), _MODULES)


async def _before_and_after() -> tuple[Observed, Observed]:
    """The built-in host's facts as it comes, and once the step is done there."""
    target = worlds.SEED_004_HOST
    channel = HostChannel(target, worlds.seed_004().host(target), "bench", "bench", lambda _event: None)
    before = await channel.observe()
    if isinstance(before, Refusal):
        sys.exit(before.sentence)
    ((_, work),) = make(Aim("hall", "", Purpose.APPLY, (_load(target),)), {target: before}).work.items()
    if not isinstance(work, Batch):
        sys.exit("the step is no batch")
    answer = await channel.write(work.writes)
    if isinstance(answer, Refusal) or not answer[0].complete:
        sys.exit(f"the step failed on the twin: {answer}")
    return before, answer[1]


def measured(size: int, folder: Path) -> dict[str, tuple[float, float]]:
    """CPU and wall seconds of each part."""
    before, after = asyncio.run(_before_and_after())
    targets = tuple(Target("hall", f"gpu-{number}") for number in range(size))
    stood = {target: replace(before, target=target) for target in targets}
    then = {target: replace(after, target=target) for target in targets}
    rollout = SiteRollout("hall", targets, canary=1, max_unavailable=size, max_failures=1)
    aim = Aim("hall", "", Purpose.APPLY, tuple(map(_load, targets)), (rollout,))
    found: dict[str, tuple[float, float]] = {}

    def timed(name: str, work: Callable[[], T]) -> T:
        cpu, wall = time.process_time(), time.monotonic()
        result = work()
        found[name] = time.process_time() - cpu, time.monotonic() - wall
        return result

    draft: Draft = timed("plan", lambda: make(aim, stood))
    if len(draft.work) != size:
        sys.exit(f"{size - len(draft.work)} hosts have no step")
    journal = Journal(folder / "journal.sqlite3")
    channels = {target: Still(target, stood[target], then[target]) for target in targets}

    def apply() -> bool:
        run = journal.begin(draft.plan)
        return asyncio.run(converge(run, channels, journal, lambda _event: None)).done

    if not timed("apply", apply):
        sys.exit("the run did not end well")
    if timed("plan again", lambda: make(aim, then)).work:
        sys.exit("a second plan has steps")
    journal.close()
    return found


def _in_a_process_of_its_own(size: int) -> tuple[dict[str, tuple[float, float]], float]:
    """The parts, and the most memory in MB."""
    argv = (sys.executable, "-m", "benchmarks.engine", str(size))
    run = subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True)
    parts, megabytes = json.loads(run.stdout)
    return {name: tuple(both) for name, both in parts.items()}, megabytes


def _median(size: int) -> tuple[dict[str, tuple[float, float]], float]:
    """The same of the middle one of a few processes, for each part by its wall time: the shortest parts are a tenth of
    a second, and one collection of garbage more or less is half of that."""
    runs = [_in_a_process_of_its_own(size) for _ in range(_RUNS)]
    middle = _RUNS // 2
    parts = {name: sorted((run[0][name] for run in runs), key=lambda both: both[1])[middle] for name in _BARS}
    return parts, sorted(run[1] for run in runs)[middle]


def main() -> int:
    """A line a part; 1 when something is over its bar."""
    results = {size: _median(size) for size in _SIZES}
    over = 0
    half, whole = (results[size][0] for size in _SIZES[-2:])
    for name, bar in _BARS.items():
        walls = "  ".join(f"{results[size][0][name][1]:6.2f}" for size in _SIZES)
        growth = whole[name][0] / half[name][0]
        over |= whole[name][1] > bar or growth > _GROWTH
        sys.stdout.write(
            f"{name:<10} {walls} s wall, {whole[name][0]:6.2f} s CPU of {bar:g} s; grows {growth:.2f} times\n"
        )
    sizes = "  ".join(f"{results[size][1]:6.0f}" for size in _SIZES)
    over |= results[_SIZES[0]][1] > _MEGABYTES
    sys.stdout.write(f"{'memory':<10} {sizes} MB; {_MEGABYTES} MB is the bar for {_SIZES[0]} hosts\n")
    sys.stdout.write(f"{', '.join(map(str, _SIZES))} hosts with a step each\n")
    return int(over)


if __name__ == "__main__":
    if len(sys.argv) == 1:
        sys.exit(main())
    with tempfile.TemporaryDirectory() as scratch:
        found = measured(int(sys.argv[1]), Path(scratch))
    json.dump([found, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024], sys.stdout)
