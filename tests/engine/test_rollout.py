"""Whose turn it is: canaries first, a few at once, nobody once too many failed, and never two waiting in a ring."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpucarve.engine.endings import Ended, Ending, Outcome
from gpucarve.engine.events import Begun, Event, Queued
from gpucarve.engine.pausing import Pause
from gpucarve.engine.rollout import Turns
from gpucarve.facts.observed import Observed
from gpucarve.model.hosts import Target
from gpucarve.plan.making import Aim, make
from gpucarve.plan.plans import Plan, Purpose
from gpucarve.plan.rollouts import LeftOut, SiteRollout
from gpucarve.resources.order import Stage
from tests.plan.resources import Thing, key, some

pytestmark = pytest.mark.anyio

HOSTS = tuple(Target("lab", f"gpu-{number}") for number in range(6))
ELSEWHERE = tuple(Target("edge", f"gpu-{number}") for number in range(3))
CLUSTER = Target("lab", "kube:main")
FAILED, DONE = Outcome.FAILED, Outcome.DONE


def _plan(*rollouts: SiteRollout, idle: Collection[Target] = ()) -> Plan:
    """Every host has a step but those that are idle or left out."""
    away = {each.target for rollout in rollouts for each in rollout.left_out}
    working = [target for rollout in rollouts for target in rollout.hosts if target not in {*idle, *away}]
    things: Any = tuple(Thing(key(target, "vgpu"), Stage.CREATE_VGPUS, some()) for target in (*working, CLUSTER))
    seen = {target: Observed(target) for target in (*working, CLUSTER)}
    return make(Aim("lab", "d", Purpose.APPLY, things, rollouts), seen).plan


def _lab(canary: int = 1, most: int = 2, failures: int = 2, **fields: Any) -> SiteRollout:
    return SiteRollout("lab", HOSTS, canary, most, failures, **fields)


@dataclass
class Play:
    """Hosts that ask for their turns; `tasks` are those that asked, `events` what was told."""

    plan: Plan
    half_way: Collection[Target] = ()
    pause: Pause = field(default_factory=Pause)
    events: list[Event] = field(default_factory=list)
    tasks: dict[Target, asyncio.Task[Ending | None]] = field(default_factory=dict)
    has_turn: set[Target] = field(default_factory=set)
    turns: Turns = field(init=False)

    def __post_init__(self) -> None:
        self.turns = Turns(self.plan, self.half_way, self.events.append, self.pause)

    async def ask(self, targets: Iterable[Target]) -> None:
        for target in targets:
            self.tasks[target] = asyncio.ensure_future(self._take(target))
        await self._settle()

    async def _take(self, target: Target) -> Ending | None:
        try:
            await self.turns.take(target)
        except Ended as ended:
            return ended.ending
        self.has_turn.add(target)
        return None

    async def end(self, target: Target, outcome: Outcome = DONE) -> None:
        self.turns.ended(target, outcome)
        await self._settle()

    async def _settle(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    @property
    def begun(self) -> list[str]:
        """Who has begun, in this order."""
        return [event.target.name for event in self.events if isinstance(event, Begun)]

    def refused(self, target: Target) -> tuple[Outcome, str]:
        """Why a host will never have its turn."""
        ending = self.tasks[target].result()
        assert ending is not None
        return ending.outcome, "; ".join(ending.reasons)


async def test_canaries_go_first_in_the_documents_order_and_the_others_wait_until_all_are_done() -> None:
    play = Play(_plan(_lab(canary=2)))
    await play.ask(reversed(HOSTS))
    assert sorted(play.begun) == ["gpu-0", "gpu-1"]
    assert {event.target for event in play.events if isinstance(event, Queued)} == set(HOSTS[2:])
    await play.end(HOSTS[0])
    assert len(play.begun) == 2
    await play.end(HOSTS[1])
    assert play.begun[2:] == ["gpu-2", "gpu-3"]


async def test_no_more_are_under_way_than_may_be_not_even_canaries() -> None:
    play = Play(_plan(_lab(canary=3, most=1)))
    await play.ask(HOSTS)
    for number in range(6):
        assert play.begun == [f"gpu-{each}" for each in range(number + 1)]
        await play.end(HOSTS[number])


async def test_a_canary_is_a_host_that_has_something_to_do_and_the_others_take_no_turns() -> None:
    play = Play(_plan(_lab(), idle=HOSTS[:2]))
    await play.ask((*HOSTS, CLUSTER))
    assert play.begun == ["gpu-2"]
    assert [play.tasks[target].done() for target in (*HOSTS[:2], CLUSTER)] == [True] * 3


async def test_once_too_many_have_failed_nobody_begins_and_those_under_way_go_on() -> None:
    play = Play(_plan(_lab(canary=0)))
    await play.ask(HOSTS)
    await play.end(HOSTS[0], FAILED)
    assert play.begun == ["gpu-0", "gpu-1", "gpu-2"]
    await play.end(HOSTS[1], Outcome.UNREACHABLE)
    assert play.begun == ["gpu-0", "gpu-1", "gpu-2"]
    outcome, why = play.refused(HOSTS[5])
    assert outcome is Outcome.HELD
    assert why == (
        "not begun: the rollout of site lab was halted: "
        "lab/gpu-0 ended: failed; lab/gpu-1 ended: unreachable; maxFailures is 2"
    )
    await play.ask([HOSTS[2]])
    assert play.tasks[HOSTS[2]].result() is None, "a host under way keeps its turn"


async def test_a_canary_that_is_not_done_halts_the_rollout_however_many_may_fail() -> None:
    play = Play(_plan(_lab(failures=6)))
    await play.ask(HOSTS)
    await play.end(HOSTS[0], Outcome.BLOCKED)
    assert play.begun == ["gpu-0"]
    assert play.refused(HOSTS[1])[1].endswith("its canary lab/gpu-0 ended: blocked")


@pytest.mark.parametrize("outcome", [DONE, Outcome.BLOCKED, Outcome.PAUSED])
async def test_what_is_no_failure_is_not_counted(outcome: Outcome) -> None:
    play = Play(_plan(_lab(canary=0, most=1, failures=1)))
    await play.ask(HOSTS)
    await play.end(HOSTS[0], outcome)
    assert play.begun == ["gpu-0", "gpu-1"]


async def test_a_host_that_was_left_out_is_a_failure_of_its_rollout() -> None:
    away = LeftOut(HOSTS[0], ("unreachable: no route",))
    play = Play(_plan(_lab(canary=0, most=1, left_out=(away,))))
    await play.ask(HOSTS[1:])
    await play.end(HOSTS[1], FAILED)
    assert play.begun == ["gpu-1"]
    assert "lab/gpu-0 was left out: unreachable: no route; lab/gpu-1 ended: failed" in play.refused(HOSTS[2])[1]
    alone = Play(_plan(_lab(failures=1, left_out=(away,))))
    await alone.ask(HOSTS[1:])
    assert not alone.begun


async def test_each_site_has_its_own_budget() -> None:
    play = Play(_plan(_lab(failures=1), SiteRollout("edge", ELSEWHERE)))
    await play.ask((*HOSTS, *ELSEWHERE))
    await play.end(HOSTS[0], FAILED)
    await play.end(ELSEWHERE[0])
    assert [event.target for event in play.events if isinstance(event, Begun)] == [
        HOSTS[0],
        ELSEWHERE[0],
        ELSEWHERE[1],
    ]


async def test_who_waits_for_another_host_lends_its_turn_to_it_even_a_canary() -> None:
    play = Play(_plan(_lab(most=1)))
    await play.ask(HOSTS)
    play.turns.lend(HOSTS[0], {HOSTS[4]})
    await play.ask(())
    assert play.begun == ["gpu-0", "gpu-4"]
    await play.ask([HOSTS[0]])
    assert not play.tasks[HOSTS[0]].done()
    await play.end(HOSTS[4])
    assert play.tasks[HOSTS[0]].done()
    assert play.begun == ["gpu-0", "gpu-4"], "it goes on, and does not begin again"
    await play.end(HOSTS[0])
    assert play.begun[2:] == ["gpu-1"]


async def test_who_has_no_turn_waits_without_hurry_unless_somebody_under_way_waits_for_it() -> None:
    play = Play(_plan(_lab(most=1)))
    await play.ask(HOSTS)
    play.turns.lend(CLUSTER, {HOSTS[4]})
    assert play.begun == ["gpu-0"]
    play.turns.lend(HOSTS[0], {CLUSTER})
    await play.ask(())
    assert play.begun == ["gpu-0", "gpu-4"]


async def test_who_has_lent_its_turn_goes_on_after_a_halt_and_who_was_to_get_it_does_not() -> None:
    play = Play(_plan(_lab(canary=0, failures=1)))
    await play.ask(HOSTS)
    await play.end(HOSTS[1], FAILED)
    play.turns.lend(HOSTS[0], {HOSTS[4]})
    assert play.refused(HOSTS[4])[0] is Outcome.HELD
    await play.ask([HOSTS[0]])
    assert play.tasks[HOSTS[0]].result() is None


async def test_who_was_waited_for_and_had_not_begun_at_a_halt_does_not_begin() -> None:
    play = Play(_plan(_lab(canary=0, most=2, failures=1)))
    await play.ask(HOSTS)
    play.turns.lend(HOSTS[0], {HOSTS[4]})
    await play.ask(())
    play.turns.lend(HOSTS[1], {HOSTS[5], HOSTS[3]})
    await play.ask(())
    assert play.begun == ["gpu-0", "gpu-1", "gpu-4", "gpu-3"]
    await play.end(HOSTS[4], FAILED)
    assert play.refused(HOSTS[5])[0] is Outcome.HELD
    assert len(play.begun) == 4


async def test_hosts_that_were_half_way_are_under_way_and_count() -> None:
    play = Play(_plan(_lab(canary=1, most=2)), half_way=HOSTS[2:5])
    await play.ask(HOSTS)
    assert play.begun == ["gpu-2", "gpu-3", "gpu-4"]
    await play.end(HOSTS[2])
    assert len(play.begun) == 3
    await play.end(HOSTS[3])
    assert play.begun[3:] == ["gpu-0"]


async def test_a_pause_lets_nobody_begin_and_those_under_way_keep_their_turn() -> None:
    play = Play(_plan(_lab(canary=0)))
    await play.ask(HOSTS)
    play.pause.request()
    await play.end(HOSTS[0])
    assert play.begun == ["gpu-0", "gpu-1"]
    assert play.refused(HOSTS[5]) == (Outcome.PAUSED, "not begun")
    await play.ask([HOSTS[1]])
    assert play.tasks[HOSTS[1]].result() is None


@given(
    canary=st.integers(0, 7),
    most=st.integers(1, 4),
    failures=st.integers(1, 4),
    choices=st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["done", "failed", "lend", "pause"])), max_size=40),
)
def test_whatever_happens_the_budget_is_kept_and_in_the_end_everybody_has_an_answer(
    canary: int, most: int, failures: int, choices: list[tuple[int, str]]
) -> None:
    async def play() -> None:
        played = Play(_plan(_lab(canary, most, failures)))
        await played.ask(HOSTS)
        failed, begun = 0, 0
        for number, what in [*choices, *((number, "done") for number in range(6) for _ in HOSTS)]:
            assert len(played.has_turn) <= most
            assert failed < failures or len(played.begun) == begun, "nobody begins after a halt"
            begun = len(played.begun)
            if not played.has_turn:
                break
            target = sorted(played.has_turn)[number % len(played.has_turn)]
            if what == "lend":
                played.has_turn.discard(target)
                played.turns.lend(target, {HOSTS[number]})
                await played.ask([target])
            elif what == "pause":
                played.pause.request()
            else:
                failed += what == "failed"
                played.has_turn.discard(target)
                await played.end(target, Outcome(what))
        assert all(task.done() for task in played.tasks.values())

    asyncio.run(play())


async def test_a_thousand_hosts_all_have_their_turn_in_order() -> None:
    hosts = tuple(Target("lab", f"gpu-{number}") for number in range(1000))
    play = Play(_plan(SiteRollout("lab", hosts, 1, 10, 1)))
    await play.ask(hosts)
    for target in hosts:
        await play.end(target)
    assert play.begun == [target.name for target in hosts]
