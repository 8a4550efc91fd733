"""A host of the twin between which and the engine somebody stands, and channels to it.

Boundary: answers what it is told to, once, and else lets the twin answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gpucarve.calls.primitives import HostRead
from gpucarve.calls.programs import Program, ProgramReply, Refusal
from gpucarve.calls.replies import Reply
from gpucarve.calls.transport import Clock, HostTransport
from gpucarve.engine.channels import Channel, HostChannel
from gpucarve.engine.converge import converge
from gpucarve.engine.events import Event
from gpucarve.errors import BugError
from gpucarve.facts.observed import Observed
from gpucarve.journal.store import Run
from gpucarve.model.hosts import Target
from gpucarve.plan.making import Aim, make
from gpucarve.plan.plans import Plan, Purpose
from gpucarve.plan.rollouts import SiteRollout
from gpucarve.twin.worlds import World
from tests.story.lab import HOST, Lab


@dataclass
class Between:
    """`gathers` and `programs` are asked first; what they answer with None is passed on. `ran` are the programs."""

    inner: HostTransport
    gathers: Callable[[Sequence[HostRead]], Any] = lambda _reads: None
    programs: Callable[[Program], Any] = lambda _program: None
    ran: list[Program] = field(default_factory=list)

    @property
    def clock(self) -> Clock:
        return self.inner.clock

    async def gather(self, reads: Sequence[HostRead]) -> tuple[Reply, ...] | Refusal:
        answer: tuple[Reply, ...] | Refusal | None = self.gathers(reads)
        return await self.inner.gather(reads) if answer is None else answer

    async def wait_idle(self, patience: float) -> Refusal | None:
        return await self.inner.wait_idle(patience)

    async def run(self, program: Program) -> ProgramReply | Refusal:
        self.ran.append(program)
        answer: ProgramReply | Refusal | None = self.programs(program)
        return await self.inner.run(program) if answer is None else answer

    async def close(self) -> None:
        await self.inner.close()


@dataclass
class WorldBetween:
    """A world in which one of these stands before every host."""

    inner: World
    between: Between

    def host(self, _target: Target) -> HostTransport:
        return self.between

    async def close(self) -> None:
        await self.inner.close()


def between(world: World) -> Between:
    """Somebody before the built-in host."""
    return Between(world.host(HOST))


def channel(transport: HostTransport, holder: str, events: list[Event] | None = None, **options: Any) -> HostChannel:
    """A controller's channel to the built-in host."""
    emit = events.append if events is not None else (lambda _event: None)
    return HostChannel(HOST, transport, holder, "run-" + holder, emit, **options)


async def converge_things(
    lab: Lab,
    resources: tuple[Any, ...],
    transports: Mapping[Target, Between],
    rollouts: tuple[SiteRollout, ...] = (),
) -> tuple[Run, Any]:
    """Carry out a plan in which each of these has a step; the run, and its result or our own mistake."""
    seen = {each.key.target: Observed(each.key.target) for each in resources}
    missing = {need for each in resources for need in each.needs if need.target not in seen}
    plan = make(Aim("lab", "d", Purpose.APPLY, resources, rollouts), seen, missing).plan
    # Things are no resources that JSON knows; the run is recorded as an empty one.
    empty = lab.journal.begin(Plan("lab", "d", Purpose.APPLY, (), ()))
    run = Run(empty.run, plan, empty.state, empty.started)
    channels: dict[Target, Channel] = {}
    for target, stand in transports.items():
        made = channel(stand, "laptop", lab.events)
        made.target = target
        channels[target] = made
    try:
        return run, await converge(run, channels, lab.journal, lab.events.append)
    except BugError as error:
        return run, error
