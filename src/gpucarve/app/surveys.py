"""Looking at a fleet, and drafting what a purpose needs there.

Boundary: one round trip a host, three where a program is at work; writes nothing.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from gpucarve import catalog
from gpucarve.app.fleets import Fleet
from gpucarve.app.worlds import World
from gpucarve.calls.programs import Refusal, RefusalKind
from gpucarve.calls.transport import HostTransport
from gpucarve.checks.preflight import preflight
from gpucarve.engine.channels import at_work, snapshot
from gpucarve.facts.observed import Observed, Unreadable
from gpucarve.layout import demands
from gpucarve.layout.cuts import lay_out
from gpucarve.layout.layouts import HostLayout, Relocation
from gpucarve.model.findings import Finding, Verdict
from gpucarve.model.hosts import Target
from gpucarve.plan.making import Aim, Draft, make
from gpucarve.plan.plans import Purpose
from gpucarve.platforms import linux, surge
from gpucarve.resources.decisions import Resource
from gpucarve.spec import Cut

_PATIENCE = 30.0  # seconds for a program to end before a plan is made without that


@dataclass(frozen=True, slots=True)
class Survey:
    """What one look at the fleet gave: a snapshot or a refusal a host, a draft of all that answer, what stands in its
    way, and what is worth knowing besides."""

    observed: Mapping[Target, Observed]
    refused: Mapping[Target, Refusal]
    draft: Draft = field(repr=False)
    problems: tuple[Finding, ...]
    warnings: tuple[Finding, ...] = ()

    @property
    def offer(self) -> Draft:
        """The draft without the hosts on which something stands in the way; they count as failures of its rollouts."""
        reasons: defaultdict[Target, list[str]] = defaultdict(list)
        for finding in self.problems:
            reasons[finding.target].append(finding.sentence())
        return self.draft.without(reasons) if reasons else self.draft

    @property
    def refused_as_a_whole(self) -> bool:
        """Whether so many hosts are left out that a rollout may not begin, or something that no rollout counts is."""
        rollouts = self.offer.plan.rollouts
        counted = {each.target for rollout in rollouts for each in rollout.left_out}
        return any(rollout.exhausted for rollout in rollouts) or any(
            finding.target not in counted for finding in self.problems
        )


async def observe(world: World, targets: tuple[Target, ...]) -> dict[Target, Observed | Refusal]:
    """Gather every target at once, one round trip each; writes nothing."""
    found = await asyncio.gather(*(snapshot(target, world.host(target)) for target in targets))
    return dict(zip(targets, found, strict=True))


async def survey(world: World, fleet: Fleet, purpose: Purpose) -> Survey:
    """Look at every host and draft what the purpose needs.

    Where a program is at work (a controller was killed over it, or another one changes the host), it is waited for, for
    a while: a plan that is made of a half-made host does not hold when it is approved.
    """
    found = await asyncio.gather(*(_at_rest(target, world.host(target)) for target in fleet.targets))
    answers = dict(zip(fleet.targets, found, strict=True))
    observed = {target: answer for target, answer in answers.items() if isinstance(answer, Observed)}
    refused = {target: answer for target, answer in answers.items() if isinstance(answer, Refusal)}
    problems = [_no_answer(target, refusal) for target, refusal in refused.items()]
    resources: list[Resource] = []
    fitted, relocations = await _fitted(world, fleet, purpose, observed, tuple(refused))
    for target, _, pool in fleet.hosts():
        if target in observed:
            made, findings = _resources(purpose, pool.cut, observed[target], fitted.get(target))
            resources.extend(made)
            problems.extend(findings)
    resources = list(surge.ordered(resources, relocations))
    unseen = {need for resource in resources for need in resource.needs if need.target not in observed}
    draft = make(Aim(fleet.name, fleet.digest, purpose, tuple(resources), fleet.rollouts), observed, unseen)
    judged = preflight(draft, observed)
    warnings = tuple(each for each in judged if each.warning)
    return Survey(observed, refused, draft, (*problems, *(each for each in judged if not each.warning)), warnings)


async def _at_rest(target: Target, transport: HostTransport) -> Observed | Refusal:
    observed = await snapshot(target, transport)
    if isinstance(observed, Refusal) or not at_work(observed):
        return observed
    await transport.wait_idle(_PATIENCE)
    return await snapshot(target, transport)


async def _fitted(
    world: World, fleet: Fleet, purpose: Purpose, observed: Mapping[Target, Observed], refused: tuple[Target, ...]
) -> tuple[dict[Target, HostLayout | tuple[Finding, ...]], list[Relocation]]:
    """The layouts of pools with a demand, and what moves between their hosts. A demand is fitted to all GPUs of the
    pool, so hosts that are not meant are looked at too."""
    found: dict[Target, HostLayout | tuple[Finding, ...]] = {}
    relocations: list[Relocation] = []
    if purpose is Purpose.ROLLBACK:
        return found, relocations
    meant = set(fleet.targets)
    for site in fleet.spec.sites:
        for pool in site.pools:
            members = [Target(site.name, node) for node in pool.nodes.names]
            if not pool.demand or not meant.intersection(members):
                continue
            others = tuple(each for each in members if each not in meant)
            looked = await observe(world, others)
            seen = {each: observed[each] for each in members if each in observed}
            seen |= {each: answer for each, answer in looked.items() if isinstance(answer, Observed)}
            silent = [each for each in members if each in refused or isinstance(looked.get(each), Refusal)]
            ordered = {each: seen[each] for each in members if each in seen}
            fitted = demands.lay_out(pool, ordered, catalog.load(), silent)
            found |= fitted.layouts
            relocations += fitted.relocations
    return found, relocations


def _resources(
    purpose: Purpose,
    cut: tuple[Cut, ...],
    observed: Observed,
    fitted: HostLayout | tuple[Finding, ...] | None,
) -> tuple[tuple[Resource, ...], tuple[Finding, ...]]:
    """What has to stand on a host for the purpose, and why that cannot be said."""
    try:
        if purpose is Purpose.ROLLBACK:
            return linux.resources_before(observed), ()
        layout = lay_out(cut, observed, catalog.load()) if fitted is None else fitted
        if not isinstance(layout, HostLayout):
            return (), layout
        if purpose is Purpose.ADOPT:
            return linux.resources_to_adopt(layout, observed.target), ()
        return linux.resources(layout, observed), ()
    except Unreadable as error:
        rule = "nothing is planned on the ground of a fact that could not be read"
        return (), (Finding(observed.target, "facts", Verdict.UNKNOWN, str(error), rule),)


def _no_answer(target: Target, refusal: Refusal) -> Finding:
    fact = f"{refusal.kind.value}: {refusal.detail}"
    fix = "check the address and the network" if refusal.kind is RefusalKind.UNREACHABLE else ""
    return Finding(target, "access", Verdict.UNKNOWN, fact, "", refusal.fix or fix)
