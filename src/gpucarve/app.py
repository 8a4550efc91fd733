"""Where settings, transports, journal and engine are joined; what every face calls.

Boundary: no printing and no parsing of command lines. `World` is how targets are reached: over SSH for a real fleet,
by a socket for a twin.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from gpucarve import catalog, errors
from gpucarve.calls.programs import Refusal, RefusalKind
from gpucarve.calls.transport import HostTransport
from gpucarve.checks.preflight import preflight
from gpucarve.engine.channels import HostChannel, snapshot
from gpucarve.engine.converge import Result, converge
from gpucarve.engine.events import Emit
from gpucarve.facts.observed import Observed, Unreadable
from gpucarve.journal.lock import exclusive
from gpucarve.journal.store import Journal, Run, RunState
from gpucarve.layout.cuts import HostLayout, lay_out
from gpucarve.model.findings import Finding, Verdict
from gpucarve.model.hosts import Target
from gpucarve.plan.making import Aim, Draft, make
from gpucarve.plan.plans import Plan, Purpose
from gpucarve.platforms import linux
from gpucarve.resources.decisions import Resource
from gpucarve.spec import Cut, Spec


class World(Protocol):
    """How hosts are reached."""

    def host(self, target: Target) -> HostTransport:
        """The transport of one host."""
        ...

    async def close(self) -> None:
        """Let go of everything."""
        ...


@dataclass(frozen=True, slots=True)
class Fleet:
    """A loaded document and the digest of its text."""

    spec: Spec
    digest: str

    @classmethod
    def of(cls, spec: Spec, text: bytes) -> Fleet:
        """Name the document by its content."""
        return cls(spec, hashlib.sha256(text).hexdigest())

    @property
    def name(self) -> str:
        """The fleet's name."""
        return str(self.spec.metadata.name)

    @property
    def targets(self) -> tuple[Target, ...]:
        """Every host, in the document's order."""
        return tuple(target for target, _, _ in self.spec.hosts())


@dataclass(frozen=True, slots=True)
class Survey:
    """What one look at the fleet gave: a snapshot or a refusal a host, a draft, and what stands in its way."""

    observed: Mapping[Target, Observed]
    refused: Mapping[Target, Refusal]
    draft: Draft
    problems: tuple[Finding, ...]


async def observe(world: World, targets: tuple[Target, ...]) -> dict[Target, Observed | Refusal]:
    """Gather every target at once, one round trip each; writes nothing."""
    found = await asyncio.gather(*(snapshot(target, world.host(target)) for target in targets))
    return dict(zip(targets, found, strict=True))


async def survey(world: World, fleet: Fleet, purpose: Purpose) -> Survey:
    """Look at every host and draft what the purpose needs."""
    answers = await observe(world, fleet.targets)
    observed = {target: answer for target, answer in answers.items() if isinstance(answer, Observed)}
    refused = {target: answer for target, answer in answers.items() if isinstance(answer, Refusal)}
    problems = [_no_answer(target, refusal) for target, refusal in refused.items()]
    resources: list[Resource] = []
    for target, _, pool in fleet.spec.hosts():
        if target in observed:
            made, findings = _resources(purpose, pool.cut, observed[target])
            resources.extend(made)
            problems.extend(findings)
    draft = make(Aim(fleet.name, fleet.digest, purpose, tuple(resources)), observed)
    return Survey(observed, refused, draft, (*problems, *preflight(draft, observed)))


def unfinished(journal: Journal, fleet: Fleet, purpose: Purpose) -> Run | None:
    """The cut-off run that the next apply goes on with: same fleet, same document, same purpose."""
    run = journal.unfinished(fleet.name)
    if run is None or run.plan.document != fleet.digest or run.plan.purpose is not purpose:
        return None
    return run


async def apply(
    world: World, journal: Journal, plan: Plan, emit: Emit, *, continued: Run | None = None, take_over: bool = False
) -> Result:
    """Carry out an approved plan, or go on with a run that was cut off. Raises LockedError."""
    with exclusive(journal.path):
        run = continued or _begin(journal, plan)
        channels = {
            target: HostChannel(target, world.host(target), journal.holder, run.run, emit, take_over)
            for target in run.plan.targets
        }
        return await converge(run, channels, journal, emit, continued=continued is not None)


def check_saved(plan: Plan, fleet: Fleet) -> None:
    """Raises PlanError when a saved plan was made from another document."""
    if plan.document != fleet.digest or plan.fleet != fleet.name:
        hint = "make the plan again with `gpucarve plan --out FILE`"
        raise errors.PlanError("the plan was made from another fleet document", hint=hint)


def _begin(journal: Journal, plan: Plan) -> Run:
    """A new run; one that was cut off and is not gone on with ends here."""
    while old := journal.unfinished(plan.fleet):
        journal.finish(old.run, RunState.STOPPED)
    return journal.begin(plan)


def _resources(
    purpose: Purpose, cut: tuple[Cut, ...], observed: Observed
) -> tuple[tuple[Resource, ...], tuple[Finding, ...]]:
    """What has to stand on a host for the purpose, and why that cannot be said."""
    try:
        if purpose is Purpose.ROLLBACK:
            return linux.resources_before(observed), ()
        layout = lay_out(cut, observed, catalog.load())
        if not isinstance(layout, HostLayout):
            return (), layout
        if purpose is Purpose.ADOPT:
            return linux.resources_to_adopt(layout, observed.target), ()
        return linux.resources(layout, observed), ()
    except Unreadable as error:
        rule = "nothing is planned on the ground of a fact that could not be read"
        return (), (Finding(observed.target, "facts", Verdict.UNKNOWN, str(error), rule),)


def _no_answer(target: Target, refusal: Refusal) -> Finding:
    fixes = {
        RefusalKind.UNREACHABLE: "check the address and the network",
        RefusalKind.HOST_KEY: "add the host's key to known_hosts after checking it",
        RefusalKind.NO_PERMISSION: "allow this user sudo without a password, or use another user",
    }
    fact = f"{refusal.kind.value}: {refusal.detail}"
    return Finding(target, "access", Verdict.UNKNOWN, fact, "", fixes.get(refusal.kind, ""))
