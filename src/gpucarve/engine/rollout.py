"""Whose turn it is: canaries first, a few at once, and nobody any more once too many have failed.

A host has its turn from its first look to its ending. One that waits for another target lends its turn to it, so that
no order among hosts can keep two of them waiting for each other.

Boundary: counts hosts and failures of one run in one process; what a host does in its turn is its track's. A run that
is gone on with names the hosts that were half way: they go on first, whatever failed since.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Collection
from dataclasses import dataclass, field

from gpucarve.engine.endings import Ended, Ending, Outcome
from gpucarve.engine.events import Begun, Emit, Queued
from gpucarve.engine.pausing import Pause
from gpucarve.model.hosts import Target
from gpucarve.plan.plans import Plan
from gpucarve.plan.rollouts import SiteRollout

# A host that waited in vain for a failed one is no second failure; nor is one that nobody began.
NO_FAILURE = frozenset({Outcome.DONE, Outcome.BLOCKED, Outcome.HELD, Outcome.PAUSED})
_FIRST, _CANARY, _OTHER = range(3)

_PAUSED = Ending(Outcome.PAUSED, ("not begun",))

_Waiter = asyncio.Future[str]


@dataclass(slots=True)
class _Site:
    """The state of one site's rollout; `queue` is a heap of hosts, the next one first: those in `waiting` count."""

    rollout: SiteRollout
    work: frozenset[Target]
    canaries: set[Target]
    begun: set[Target]
    under_way: set[Target]
    failures: list[str]
    wanted: set[Target] = field(default_factory=set)
    queue: list[tuple[int, int, Target]] = field(default_factory=list)
    waiting: dict[Target, _Waiter] = field(default_factory=dict)
    halt: str = ""


class Turns:
    """The turns of every host that has something to do in `plan`. `half_way` are the hosts that have begun it."""

    def __init__(self, plan: Plan, half_way: Collection[Target], emit: Emit, pause: Pause) -> None:
        working = {step.key.target for step in plan.steps}
        self._emit = emit
        self._pause = pause
        self._sites = [_site(rollout, working, half_way) for rollout in plan.rollouts]
        self._of = {target: site for site in self._sites for target in site.work}
        self._places = {target: place for place, target in enumerate(plan.hosts)}
        self._announced: set[Target] = set()
        self._waits: dict[Target, frozenset[Target]] = {}
        self._wanted: set[Target] = set()
        for site in self._sites:
            _halt_if_exhausted(site)
        pause.tell(self._go_on)

    async def take(self, target: Target) -> None:
        """Return when it is this target's turn, or has been already. Raises Ended when it will never be."""
        site = self._of.get(target)
        if site is None:
            return
        if target not in site.under_way:
            waiter = site.waiting[target] = asyncio.get_running_loop().create_future()
            heapq.heappush(site.queue, (_rank(site, target), self._places[target], target))
            self._go_on()
            if not waiter.done():
                self._emit(Queued(target))
            if reason := await waiter:
                raise Ended(Ending(Outcome.HELD, (reason,)))
            if target not in site.under_way:
                raise Ended(_PAUSED)
        self._announce(target)

    def lend(self, target: Target, others: Collection[Target]) -> None:
        """Let these go on in the place of a target that waits for them; it has to take its turn again.

        A target that has no turn, and for which nobody waits who has one, can wait until theirs comes.
        """
        self._waits[target] = frozenset(others)
        if target in self._of:
            self._of[target].under_way.discard(target)
        if target in self._of or target in self._wanted:
            self._want(others)
        self._go_on()

    def ended(self, target: Target, outcome: Outcome) -> None:
        """Nothing more will happen there: count it, and let the next ones begin."""
        site = self._of.get(target)
        if site is None:
            return
        site.under_way.discard(target)
        if outcome not in NO_FAILURE:
            site.failures.append(f"{target} ended: {outcome.value}")
            _halt_if_exhausted(site)
        if target in site.canaries and outcome is not Outcome.DONE and not site.halt:
            site.halt = _halted(site.rollout, f"its canary {target} ended: {outcome.value}")
        site.canaries.discard(target)
        self._go_on()

    def _want(self, targets: Collection[Target]) -> None:
        """Whoever a host under way waits for, in however many steps, goes before canaries too; not past a halt."""
        for target in targets:
            if target in self._wanted:
                continue
            self._wanted.add(target)
            site = self._of.get(target)
            if site is not None and not site.halt:
                site.wanted.add(target)
                heapq.heappush(site.queue, (_FIRST, self._places[target], target))
            self._want(self._waits.get(target, ()))

    def _announce(self, target: Target) -> None:
        if target not in self._announced:
            self._announced.add(target)
            self._emit(Begun(target))

    def _go_on(self) -> None:
        for site in self._sites:
            _admit(site, paused=self._pause.requested)


def _site(rollout: SiteRollout, working: Collection[Target], half_way: Collection[Target]) -> _Site:
    work = [target for target in rollout.hosts if target in working]
    begun = {target for target in work if target in half_way}
    failures = [f"{each.target} was left out: {'; '.join(each.reasons)}" for each in rollout.left_out]
    return _Site(rollout, frozenset(work), set(work[: rollout.canary]), begun, set(begun), failures)


def _rank(site: _Site, target: Target) -> int:
    return _FIRST if target in site.begun | site.wanted else _CANARY if target in site.canaries else _OTHER


def _admit(site: _Site, *, paused: bool) -> None:
    """Answer everybody whose waiting is over: `""` with the turn, `""` without it for a pause, a reason for a halt."""
    put_back = []
    while site.queue:
        entry = heapq.heappop(site.queue)
        rank, _, target = entry
        if target not in site.waiting:
            continue
        if paused:
            _answer(site, target, "")
        elif site.halt and target not in site.begun:
            _answer(site, target, site.halt)
        elif len(site.under_way) < site.rollout.max_unavailable and not (rank == _OTHER and site.canaries):
            site.begun.add(target)
            site.under_way.add(target)
            _answer(site, target, "")
        else:
            put_back.append(entry)
            if not site.halt:
                break
    for entry in put_back:
        heapq.heappush(site.queue, entry)


def _answer(site: _Site, target: Target, reason: str) -> None:
    waiter = site.waiting.pop(target)
    if not waiter.done():  # its track may have been cancelled
        waiter.set_result(reason)


def _halt_if_exhausted(site: _Site) -> None:
    if not site.halt and len(site.failures) >= site.rollout.max_failures:
        site.halt = _halted(site.rollout, f"{'; '.join(site.failures)}; maxFailures is {site.rollout.max_failures}")


def _halted(rollout: SiteRollout, why: str) -> str:
    return f"not begun: the rollout of site {rollout.site} was halted: {why}"
