"""A journal and a transport wrapped from outside, so that something can happen at each point a crash may fall on.

A point lies before and after every journal write and every gather, program and wait. Its name says which calls it is
about, so that what a series of crashes has covered can be counted.

Boundary: the engine does not know that it is watched.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gpucarve.app import World
from gpucarve.calls.primitives import HostRead
from gpucarve.calls.programs import Program, ProgramReply, Refusal
from gpucarve.calls.replies import Reply
from gpucarve.calls.transport import Clock, HostTransport
from gpucarve.journal.store import Journal, Run, RunState
from gpucarve.model.hosts import ResourceKey, Target
from gpucarve.plan.plans import Plan

Pass = Callable[[str], None]


class WatchedJournal(Journal):
    """A journal that passes a point before and after each of its writes."""

    passed: Pass

    def begin(self, plan: Plan) -> Run:
        self.passed("before journal: begin")
        run = super().begin(plan)
        self.passed("after journal: begin")
        return run

    def intend(self, run: str, keys: tuple[ResourceKey, ...], detail: str = "") -> None:
        self.passed(f"before journal: intent {_kinds(keys)}")
        super().intend(run, keys, detail)
        self.passed(f"after journal: intent {_kinds(keys)}")

    def outcome(self, run: str, keys: tuple[ResourceKey, ...], phase: str, detail: str = "") -> None:
        self.passed(f"before journal: {phase} {_kinds(keys)}")
        super().outcome(run, keys, phase, detail)
        self.passed(f"after journal: {phase} {_kinds(keys)}")

    def ended(self, run: str, target: Target, outcome: str) -> None:
        self.passed(f"before journal: ended {outcome}")
        super().ended(run, target, outcome)
        self.passed(f"after journal: ended {outcome}")

    def finish(self, run: str, state: RunState) -> None:
        self.passed(f"before journal: finish {state.value}")
        super().finish(run, state)
        self.passed(f"after journal: finish {state.value}")


@dataclass
class WatchedHost:
    """A host's transport that passes a point before and after each request."""

    inner: HostTransport
    passed: Pass

    @property
    def clock(self) -> Clock:
        return self.inner.clock

    async def gather(self, reads: Sequence[HostRead]) -> tuple[Reply, ...] | Refusal:
        name = "snapshot" if len(reads) > 3 else "+".join(type(read).__name__ for read in reads)
        self.passed(f"before gather: {name}")
        reply = await self.inner.gather(reads)
        self.passed(f"after gather: {name} {_how(reply)}")
        return reply

    async def wait_idle(self, patience: float) -> Refusal | None:
        self.passed("before wait_idle")
        reply = await self.inner.wait_idle(patience)
        self.passed("after wait_idle")
        return reply

    async def run(self, program: Program) -> ProgramReply | Refusal:
        calls = "+".join(_name(each.write) for each in program.writes) or type(program.lease).__name__
        self.passed(f"before program: {calls}")
        reply = await self.inner.run(program)
        self.passed(f"after program: {calls} {_how(reply)}")
        return reply

    async def close(self) -> None:
        await self.inner.close()


@dataclass
class WatchedWorld:
    """A world whose hosts are watched."""

    inner: World
    passed: Pass

    def host(self, target: Target) -> HostTransport:
        return WatchedHost(self.inner.host(target), self.passed)

    async def close(self) -> None:
        await self.inner.close()


def _kinds(keys: tuple[ResourceKey, ...]) -> str:
    return "+".join(key.kind for key in keys)


def _name(write: Any) -> str:
    argv = getattr(write, "argv", None)
    return f"Run {argv[0].rpartition('/')[2]} {argv[1]}" if argv and len(argv) > 1 else type(write).__name__


def _how(reply: object) -> str:
    match reply:
        case ProgramReply(_, outcomes):
            return "/".join(outcome.state.value for outcome in outcomes) or "done"
        case Refusal(kind):
            return kind.value
        case _:
            return "answered"
