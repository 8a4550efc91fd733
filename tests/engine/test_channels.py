"""Speaking with one host: the lease is taken, held, shown, watched and given back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any

import pytest

from gpucarve.calls import state
from gpucarve.calls.objects import GetObject, ObjectRef
from gpucarve.calls.primitives import HostRead, Now, ReadFiles, Remove, Sleep, WriteFile
from gpucarve.calls.programs import Acquire, CallState, Guarded, Hold, Lease, Program, Refusal, RefusalKind, Release
from gpucarve.calls.replies import Done, Failure, FailureKind, File, Files, Instant, Reply
from gpucarve.engine.channels import LEASE_SECONDS, ClusterChannel, HostChannel
from gpucarve.engine.endings import Ended, Outcome
from gpucarve.engine.events import Event, Waiting
from gpucarve.errors import BugError
from gpucarve.facts import ours
from gpucarve.facts.observed import Observed, Probe, whole
from gpucarve.twin import worlds
from gpucarve.twin.faults import NetworkLoss
from tests.engine.places import Between, between, channel
from tests.story.lab import HOST

pytestmark = pytest.mark.anyio

WRITE = (Guarded(WriteFile("/etc/motd", b"hello\n")),)


@pytest.fixture
def world() -> worlds.World:
    return worlds.seed_004()


async def _lease(world: worlds.World) -> Lease:
    found = await HostChannel(HOST, world.host(HOST), "x", "x", lambda _event: None).observe()
    assert isinstance(found, Observed)
    return found.require(ours.PROBE).lease


async def _ending(work: Awaitable[Any]) -> Outcome:
    with pytest.raises(Ended) as caught:
        await work
    assert all(caught.value.ending.reasons)
    assert caught.value.ending.reasons
    return caught.value.ending.outcome


async def test_looking_takes_no_lease_and_the_first_write_does(world: worlds.World) -> None:
    first = channel(world.host(HOST), "first")
    await first.observe()
    assert (await _lease(world)).holder == ""
    await first.write(WRITE)
    assert (await _lease(world)).holder == "first"


@pytest.mark.parametrize(("torn", "looks"), [(0, 1), (2, 3), (99, 5)])
async def test_a_snapshot_during_which_a_program_changed_something_is_taken_again_a_few_times(
    world: worlds.World, torn: int, looks: int
) -> None:
    class Torn(Between):
        looks = 0

        async def gather(self, reads: Sequence[HostRead]) -> tuple[Reply, ...] | Refusal:
            self.looks += 1
            if self.looks > torn:
                return await self.inner.gather(reads)
            before = await self.inner.gather(reads[:1])
            await channel(self.inner, "first").write(WRITE)
            after = await self.inner.gather(reads[1:])
            assert not isinstance(before, Refusal)
            assert not isinstance(after, Refusal)
            return (*before, *after)

    stand = Torn(world.host(HOST))
    assert isinstance(await channel(stand, "second").observe(), Observed)
    assert stand.looks == looks


async def test_the_lease_is_held_under_one_fence_and_given_back(world: worlds.World) -> None:
    stand = between(world)
    first = channel(stand, "first")
    await first.write(WRITE)
    await first.answer(WRITE)
    await first.release()
    assert [type(program.lease) for program in stand.ran] == [Acquire, Hold, Release]
    assert await _lease(world) == Lease(1, 3)
    await first.release()
    assert len(stand.ran) == 3, "there is nothing to give back twice"


async def test_after_the_last_batch_nothing_is_held_and_what_comes_after_it_begins_anew(world: worlds.World) -> None:
    stand = between(world)
    first = channel(stand, "first")
    await first.write(WRITE, last=True)
    assert await _lease(world) == Lease(1, 1)
    await first.release()
    assert len(stand.ran) == 1, "there is nothing to give back"
    await first.write(WRITE)
    await first.write(WRITE, last=True)
    assert await _lease(world) == Lease(2, 3)


async def test_a_channel_with_probes_of_its_own_asks_for_nothing_else(world: worlds.World) -> None:
    probe = Probe("motd", (ReadFiles(("/etc/motd",)),), lambda replies: whole(replies[0]))
    first = channel(world.host(HOST), "first")
    first.probes = (probe,)
    answer = await first.write(WRITE, last=True)
    assert not isinstance(answer, Refusal)
    assert answer[1].require(probe)["/etc/motd"].content == b"hello\n"
    for observed in (answer[1], await first.observe()):
        assert isinstance(observed, Observed)
        assert set(observed.facts) == {"motd"}


async def test_the_announced_time_goes_with_every_program(world: worlds.World) -> None:
    first = channel(world.host(HOST), "first")
    await first.write(WRITE)
    assert (await _lease(world)).seconds == LEASE_SECONDS
    first.lease_seconds = 900
    await first.write(WRITE)
    assert (await _lease(world)).seconds == 900


async def test_another_s_lease_that_moves_is_left_to_it(world: worlds.World) -> None:
    first, events = channel(world.host(HOST), "first"), list[Event]()
    await first.write(WRITE)

    async def work() -> None:
        for _ in range(10):
            await world.clock.sleep(8.0)
            await first.write(WRITE)

    second = channel(world.host(HOST), "second", events)
    _, outcome = await asyncio.gather(work(), _ending(second.write(WRITE)))
    assert outcome is Outcome.LOCKED
    assert any(isinstance(event, Waiting) and "first holds the lease" in event.reason for event in events)
    assert (await _lease(world)).holder == "first"


async def test_another_s_lease_that_stands_still_for_its_time_is_taken(world: worlds.World) -> None:
    first = channel(world.host(HOST), "first")
    await first.write(WRITE)
    before = world.clock.time
    second = channel(world.host(HOST), "second")
    assert not isinstance(await second.write(WRITE), Refusal)
    assert world.clock.time - before >= LEASE_SECONDS
    assert (await _lease(world)).fence == 2


@pytest.mark.parametrize("how", ["write", "answer"])
async def test_who_was_overtaken_stops_and_writes_nothing(world: worlds.World, how: str) -> None:
    first = channel(world.host(HOST), "first")
    await first.write(WRITE)
    await channel(world.host(HOST), "second", take_over=True).write(WRITE)
    files = world.hosts[HOST].machine.files.nodes["/etc/motd"]
    other = (Guarded(WriteFile("/etc/motd", b"mine\n")),)
    assert await _ending(first.write(other) if how == "write" else first.answer(other)) is Outcome.OVERTAKEN
    assert world.hosts[HOST].machine.files.nodes["/etc/motd"] == files


async def test_who_was_told_to_take_over_does_not_watch(world: worlds.World) -> None:
    await channel(world.host(HOST), "first").write(WRITE)
    before = world.clock.time
    await channel(world.host(HOST), "second", take_over=True).write(WRITE)
    assert world.clock.time - before < LEASE_SECONDS


async def test_a_host_that_is_away_while_its_lease_is_watched_says_nothing_of_its_controller(
    world: worlds.World,
) -> None:
    await channel(world.host(HOST), "first").write(WRITE)
    second = asyncio.ensure_future(channel(world.host(HOST), "second").write(WRITE))
    await world.clock.sleep(5.0)
    world.hosts[HOST].strike(NetworkLoss(10.0))
    assert not isinstance(await second, Refusal)
    assert (await _lease(world)).holder == "second"


async def test_a_lease_that_is_damaged_while_it_is_watched_is_refused_with_its_file(world: worlds.World) -> None:
    await channel(world.host(HOST), "first").write(WRITE)
    stand = between(world)
    damaged = Files((File(state.LEASE, b"\xff fence"),))
    stand.gathers = lambda reads: (damaged,) if reads == (ReadFiles((state.LEASE,)),) else None
    second = asyncio.ensure_future(_ending(channel(stand, "second").write(WRITE)))
    await world.clock.sleep(5.0)
    world.hosts[HOST].by_hand(WriteFile(state.LEASE, b"nonsense"))
    assert await second is Outcome.REFUSED


async def test_a_pause_shows_life_when_the_last_sign_of_it_is_old(world: worlds.World) -> None:
    stand = between(world)
    first = channel(stand, "first")
    await first.sleep(60.0)
    assert stand.ran == [], "no lease, no sign"
    await first.write(WRITE)
    await first.sleep(1.0)
    assert len(stand.ran) == 1
    for _ in range(10):
        await first.answer(Sleep(5.0))
    assert 3 <= len(stand.ran) <= 6
    assert {program.writes for program in stand.ran[1:]} == {()}


async def test_a_pause_ends_where_the_lease_is_another_s(world: worlds.World) -> None:
    first = channel(world.host(HOST), "first")
    await first.write(WRITE)
    await channel(world.host(HOST), "second", take_over=True).write(WRITE)
    await world.clock.sleep(60.0)
    assert await _ending(first.sleep(1.0)) is Outcome.OVERTAKEN


async def test_a_pause_goes_on_while_the_host_is_away(world: worlds.World) -> None:
    first = channel(world.host(HOST), "first")
    await first.write(WRITE)
    world.hosts[HOST].strike(NetworkLoss(100.0))
    await world.clock.sleep(50.0)
    await first.sleep(1.0)


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        (RefusalKind.NO_PERMISSION, Outcome.NO_PERMISSION),
        (RefusalKind.HOST_KEY, Outcome.NO_PERMISSION),
        (RefusalKind.UNFIT, Outcome.REFUSED),
        (RefusalKind.FENCED, Outcome.OVERTAKEN),
    ],
)
async def test_a_refusal_that_no_patience_mends_ends_the_track(
    world: worlds.World, kind: RefusalKind, outcome: Outcome
) -> None:
    stand = between(world)
    stand.programs = lambda _program: Refusal(kind, "why")
    stand.gathers = lambda _reads: Refusal(kind, "why")
    first = channel(stand, "first")
    assert await _ending(first.write(WRITE)) is outcome
    assert await _ending(first.answer(WRITE)) is outcome
    assert await _ending(first.observe()) is outcome
    assert await _ending(first.answer(ReadFiles(("/etc/motd",)))) is outcome


@pytest.mark.parametrize("kind", [RefusalKind.UNREACHABLE, RefusalKind.LOST, RefusalKind.LOCKED])
async def test_a_refusal_that_may_pass_is_the_track_s_to_judge(world: worlds.World, kind: RefusalKind) -> None:
    stand = between(world)
    refusal = Refusal(kind, "why")
    stand.programs = lambda _program: refusal
    stand.gathers = lambda _reads: refusal
    first = channel(stand, "first")
    assert await first.write(WRITE) == refusal
    assert await first.observe() == refusal
    (outcome,) = await first.answer(WRITE)
    assert (outcome.state, outcome.reply) == (CallState.FAILED, Failure(FailureKind.UNREACHABLE, "why"))
    assert await first.answer((ReadFiles(("/a",)), ReadFiles(("/b",)))) == (outcome.reply, outcome.reply)


async def test_a_flow_is_answered_call_by_call(world: worlds.World) -> None:
    first = channel(world.host(HOST), "first")
    before = await first.answer(Now())
    assert isinstance(before, Instant)
    assert await first.answer(Sleep(7.0)) == Done()
    assert (await first.now()) - before.seconds >= 7.0
    reply = await first.answer(ReadFiles(("/etc/hostname",)))
    assert isinstance(reply, Files)
    (missing,) = await first.answer((Guarded(Remove("/nothing")),))
    assert missing.state is CallState.FAILED


async def test_what_belongs_to_a_cluster_is_not_asked_of_a_host_and_the_other_way_round(world: worlds.World) -> None:
    with pytest.raises(BugError, match="GetObject"):
        await channel(world.host(HOST), "first").answer(GetObject(ObjectRef("v1", "Node", "x")))
    cluster = ClusterChannel(worlds.SEED_004_CLUSTER, world.cluster(worlds.SEED_004_CLUSTER), ())
    with pytest.raises(BugError, match="Guarded"):
        await cluster.answer(WRITE)
    with pytest.raises(BugError, match="no batches"):
        await cluster.write(WRITE)


async def test_losing_the_reply_to_the_first_write_leaves_a_lease_that_the_same_controller_takes_again(
    world: worlds.World,
) -> None:
    class Deaf(Between):
        async def run(self, program: Program) -> Any:
            reply = await self.inner.run(program)
            self.ran.append(program)
            return Refusal(RefusalKind.LOST, "lost") if len(self.ran) == 1 else reply

    first = channel(Deaf(world.host(HOST)), "first")
    assert isinstance(await first.write(WRITE), Refusal)
    assert not isinstance(await first.write(WRITE), Refusal)
    assert (await _lease(world)).fence == 2


async def test_losing_the_reply_to_the_last_batch_leaves_it_open_whether_the_lease_was_given_back(
    world: worlds.World,
) -> None:
    class Deaf(Between):
        async def run(self, program: Program) -> Any:
            reply = await super().run(program)
            return Refusal(RefusalKind.LOST, "lost") if len(self.ran) == 2 else reply

    stand = Deaf(world.host(HOST))
    first = channel(stand, "first")
    await first.write(WRITE)
    assert isinstance(await first.write(WRITE, last=True), Refusal)
    assert not isinstance(await first.write(WRITE, last=True), Refusal), "nobody has overtaken it"
    assert [type(program.lease) for program in stand.ran] == [Acquire, Release, Acquire]
    assert await _lease(world) == Lease(2, 3)


async def test_a_last_batch_that_never_arrived_leaves_a_lease_to_be_given_back(world: worlds.World) -> None:
    stand = between(world)
    first = channel(stand, "first")
    await first.write(WRITE)
    stand.programs = lambda _program: Refusal(RefusalKind.LOST, "lost")
    assert isinstance(await first.write(WRITE, last=True), Refusal)
    stand.programs = lambda _program: None
    await first.release()
    assert await _lease(world) == Lease(1, 2)
