"""Looking at the pools of a fleet to ask what would fit there, without a plan.

Boundary: one round trip a host; writes nothing. The answer is `layout.fitting`'s.
"""

from __future__ import annotations

from dataclasses import dataclass

from gpucarve import catalog
from gpucarve.app.fleets import Fleet
from gpucarve.app.surveys import observe
from gpucarve.app.worlds import World
from gpucarve.facts.observed import Observed
from gpucarve.layout import demands, observed_supply
from gpucarve.layout.fitting.demand import Demand
from gpucarve.layout.fitting.supply import Supply
from gpucarve.model.findings import Finding
from gpucarve.model.hosts import Target


@dataclass(frozen=True, slots=True)
class PoolQuestion:
    """What is asked of one pool, and of which GPUs; or why its hosts cannot be judged."""

    site: str
    pool: str
    demand: Demand
    supply: Supply
    findings: tuple[Finding, ...] = ()


async def questions(world: World, fleet: Fleet, asked: Demand | None = None) -> tuple[PoolQuestion, ...]:
    """The demand of each pool that is meant and has one; or `asked` instead, of every pool that is meant."""
    meant = set(fleet.targets)
    found = []
    for site in fleet.spec.sites:
        for pool in site.pools:
            members = tuple(Target(site.name, node) for node in pool.nodes.names)
            if not meant.intersection(members) or not (pool.demand or asked):
                continue
            answers = await observe(world, members)
            seen = {target: each for target, each in answers.items() if isinstance(each, Observed)}
            silent = [target for target in members if target not in seen]
            known = catalog.load()
            demand = asked or demands.question(pool, {}, known)[0]
            supply, _ = observed_supply.supply(seen, demand.requests, pool.workload, known)
            found.append(PoolQuestion(site.name, pool.name, demand, supply, demands.unread(seen, silent)))
    return tuple(found)
