"""CPU seconds of planning for a fleet of 500 and of 1,000 hosts, part by part, and whether they grow as the hosts do.

Every host answers with what one gather of the twin's built-in host gave; from there on everything is what
`gpucarve plan` does: read the document, parse the replies, lay out, decide, check, show, save. Transports are left out.
A part that more than doubles is worse than linear: the bar for the whole is 2.2. Growth is measured without Python's
collector, whose full rounds come in leaps; the last column is with it, as a user has it. Needs no root and no host:
`python benchmarks/plan_scale.py`. The exit status is 1 where it is over the bar.
"""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from gpucarve import app, catalog, spec
from gpucarve.app import Fleet
from gpucarve.calls.primitives import HostRead
from gpucarve.calls.programs import Program, ProgramReply, Refusal
from gpucarve.calls.replies import Reply
from gpucarve.calls.transport import Clock, HostTransport
from gpucarve.cli.views import plans
from gpucarve.cli.views.text import Style
from gpucarve.errors import BugError
from gpucarve.facts import host
from gpucarve.facts.observed import reads_of
from gpucarve.model.hosts import Target
from gpucarve.plan import codec
from gpucarve.plan.plans import Plan, Purpose
from gpucarve.twin import worlds

_SIZES = (500, 1000)
_TIMES = 5
_BAR = 2.2

T = TypeVar("T")


@dataclass(frozen=True)
class Recorded:
    """A host that answers every gather with the same replies; it is not written to."""

    clock: Clock
    replies: tuple[Reply, ...]

    async def gather(self, reads: Sequence[HostRead]) -> tuple[Reply, ...] | Refusal:
        """What was recorded."""
        return self.replies

    async def run(self, program: Program) -> ProgramReply | Refusal:
        """Never, by a plan."""
        raise BugError("a plan writes to no host")

    async def wait_idle(self, patience: float) -> Refusal | None:
        """Nobody is at work there."""
        return None

    async def close(self) -> None:
        """There is nothing to let go of."""


@dataclass(frozen=True)
class RecordedWorld:
    """A world in which all hosts are alike."""

    one: Recorded

    def host(self, target: Target) -> HostTransport:
        """The one."""
        return self.one

    async def close(self) -> None:
        """There is nothing to let go of."""


def document(size: int) -> bytes:
    """A fleet of so many hosts."""
    nodes = ", ".join(f"gpu-{number}" for number in range(size))
    return f"""
apiVersion: gpucarve/v1alpha1
kind: Fleet
metadata: {{name: hall}}
sites:
  - name: hall
    platform: linux
    access: {{ssh: {{user: admin}}}}
    rollout: {{canary: 2, maxUnavailable: 20, maxFailures: 5}}
    pools:
      - name: vdi
        nodes: {{names: [{nodes}]}}
        workload: vm-vgpu
        cut: [{{gpu: "0000:65:00.0", vgpu: {{A100D-40C: 2}}}}]
""".encode()


def recorded() -> RecordedWorld:
    """The world of the built-in host's answers."""
    twin = worlds.seed_004().host(worlds.SEED_004_HOST)
    reads: Any = reads_of(host.PROBES)
    replies = asyncio.run(_gather(twin, reads))
    return RecordedWorld(Recorded(twin.clock, replies))


async def _gather(twin: HostTransport, reads: Sequence[HostRead]) -> tuple[Reply, ...]:
    replies = await twin.gather(reads)
    if isinstance(replies, Refusal):
        sys.exit(f"the twin gave no answer: {replies.sentence}")
    return replies


def parts(world: RecordedWorld, size: int, *, collector: bool) -> dict[str, float]:
    """CPU seconds of each part of a plan, with Python's collector at work or without."""
    found: dict[str, float] = {}

    def timed(name: str, work: Callable[[], T]) -> T:
        gc.collect()
        (gc.enable if collector else gc.disable)()
        begun = time.process_time()
        result = work()
        found[name] = time.process_time() - begun
        gc.enable()
        return result

    text = document(size)
    fleet = Fleet.of(timed("read the document", lambda: spec.load(text, "fleet.yaml")), text)
    survey = timed("look, lay out, decide, check", lambda: asyncio.run(app.survey(world, fleet, Purpose.APPLY)))
    plan = timed("offer", lambda: survey.offer.plan)
    if survey.problems or len({step.key.target for step in plan.steps}) != size:
        sys.exit(f"not every host is planned for: {survey.problems[:1]}")
    timed("show in short", lambda: plans.render(plan, Style()))
    timed("show wide", lambda: plans.render(plan, Style(), wide=True))
    timed("save and read again", lambda: _saved(plan))
    return found


def _saved(plan: Plan) -> Plan:
    return codec.from_data(json.loads(json.dumps(codec.to_data(plan))))


def main() -> int:
    """A line a part; 1 when the whole grows faster than the bar."""
    catalog.load()
    world = recorded()
    small, large = (_least(world, size, collector=False) for size in _SIZES)
    whole = _least(world, _SIZES[1], collector=True)
    for name in (*small, "in all"):
        a, b, c = (sum(each.values()) if name == "in all" else each[name] for each in (small, large, whole))
        growth = f"{b / a:5.2f} times" if a > 0.001 else "     -     "
        sys.stdout.write(f"{a:7.3f} s {b:7.3f} s  {growth}  {c:7.3f} s  {name}\n")
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(f"{_SIZES[0]} and {_SIZES[1]} hosts, the least of {_TIMES}; {megabytes:.0f} MB at most\n")
    return int(sum(large.values()) > _BAR * sum(small.values()))


def _least(world: RecordedWorld, size: int, *, collector: bool) -> dict[str, float]:
    runs = [parts(world, size, collector=collector) for _ in range(_TIMES)]
    return {name: min(run[name] for run in runs) for name in runs[0]}


if __name__ == "__main__":
    sys.exit(main())
