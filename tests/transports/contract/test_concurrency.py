"""One writer at a time: a program at work, an orphan, a cut connection, a killed shell."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gpucarve.calls import state
from gpucarve.calls.primitives import ReadFiles, Run, WriteFile
from gpucarve.calls.programs import Acquire, CallState, Lease, Program, ProgramReply, Refusal, RefusalKind
from tests.transports.contract.asking import program, ran, read
from tests.transports.contract.places import Place
from tests.transports.contract.world import Script, World

SLOW = 3.0
IMPATIENT = 0.3


@asynccontextmanager
async def at_work(place: Place) -> AsyncIterator[asyncio.Task[ProgramReply | Refusal]]:
    """A program that is in the middle of its first write, a slow command; a file comes after it."""
    world = place.world
    world.define_command("slowly", Script(sleep=SLOW, touch=f"{world.root}/slept"))
    slow = program(Run(("slowly",)), WriteFile(f"{world.root}/after", b""), holder="first")
    task = asyncio.create_task(place.transport.run(slow))
    await begun(place, task)
    try:
        yield task
    finally:
        await asyncio.wait((task,))


async def begun(place: Place, task: asyncio.Task[ProgramReply | Refusal]) -> None:
    """Return when the first write has begun."""
    while not task.done():
        record = world_record(place.world)
        if record is not None and record.states == {0: "begun"}:
            return
        await place.transport.clock.sleep(0.05)
    raise AssertionError(f"it ended at once: {task.result()}")


def world_record(world: World) -> state.Record | None:
    """The record as it stands."""
    if world.status(state.RECORD) is None:
        return None
    return state.parse_record(world.read_file(state.RECORD).decode())


async def test_a_second_program_is_refused_and_told_who_works(place: Place) -> None:
    async with at_work(place) as task:
        second = Program("second", "run-2", Acquire(30), lock_patience=IMPATIENT)
        reply = await place.another().run(second)
        record = world_record(place.world)
        assert record is not None
        assert isinstance(reply, Refusal)
        assert reply.kind is RefusalKind.LOCKED
        assert "run-1" in reply.detail
        assert str(record.pid) in reply.detail
        assert reply.lease == Lease(1, 1, 30, "first", "run-1")
    assert isinstance(task.result(), ProgramReply)
    assert world_record(place.world) == state.Record(
        "run-1", 1, record.boot, record.pid, 2, {0: "done", 1: "done"}, ended=True
    )


async def test_a_patient_program_waits_for_its_turn(place: Place) -> None:
    async with at_work(place):
        second = Program("first", "run-2", Acquire(30), lock_patience=60)
        assert (await ran(place.another(), second)).lease == Lease(2, 2, 30, "first", "run-2")
        assert place.world.listing(place.world.root) >= {"slept", "after"}


async def test_gathering_beside_a_program_neither_waits_nor_writes(place: Place) -> None:
    async with at_work(place) as task:
        before = place.world.read_file(state.RECORD)
        files = await read(place.another(), ReadFiles((state.LEASE,)))
        assert files.by_path()[state.LEASE].text() == "fence=1 beat=1 seconds=30 holder=first run=run-1"
        assert place.world.read_file(state.RECORD) == before
        assert not task.done()


async def test_waiting_for_an_idle_host_ends_with_the_program(place: Place) -> None:
    async with at_work(place):
        other = place.another()
        refusal = await other.wait_idle(IMPATIENT)
        assert refusal is not None
        assert refusal.kind is RefusalKind.LOCKED
        assert await other.wait_idle(60) is None
        record = world_record(place.world)
        assert record is not None
        assert record.ended


async def test_an_untouched_host_is_idle_and_stays_untouched(place: Place) -> None:
    assert await place.transport.wait_idle(IMPATIENT) is None
    assert place.world.status(state.ROOT) is None


async def test_an_idle_host_is_idle_at_once(place: Place) -> None:
    await ran(place.transport, program())
    before = {name: place.world.read_file(f"{state.ROOT}/{name}") for name in place.world.listing(state.ROOT)}
    assert await place.transport.wait_idle(0) is None
    after = {name: place.world.read_file(f"{state.ROOT}/{name}") for name in place.world.listing(state.ROOT)}
    assert after == before


async def test_a_program_whose_connection_is_cut_goes_on_to_its_end(place: Place) -> None:
    async with at_work(place) as task:
        await place.world.cut(place.transport)
        lost = await task
        assert isinstance(lost, Refusal)
        assert lost.kind is RefusalKind.LOST
        assert await place.another().wait_idle(60) is None
        record = world_record(place.world)
        assert record is not None
        assert (record.ended, record.states) == (True, {0: "done", 1: "done"})
        assert place.world.listing(place.world.root) == {"slept", "after"}


async def test_after_a_cut_the_same_transport_connects_again(place: Place) -> None:
    async with at_work(place) as task:
        await place.world.cut(place.transport)
        await task
        assert await place.transport.wait_idle(60) is None
        files = await read(place.transport, ReadFiles((f"{place.world.root}/*",)))
        assert len(files.entries) == 2


async def test_a_killed_shell_s_child_keeps_the_lock_until_it_ends(place: Place) -> None:
    async with at_work(place) as task:
        place.world.kill_program()
        lost = await task
        assert isinstance(lost, Refusal)
        assert lost.kind is RefusalKind.LOST
        other = place.another()
        refusal = await other.wait_idle(IMPATIENT)
        assert refusal is not None
        assert refusal.kind is RefusalKind.LOCKED
        assert await other.wait_idle(60) is None
        record = world_record(place.world)
        assert record is not None
        assert (record.ended, record.states) == (False, {0: "begun"})
        assert place.world.listing(place.world.root) == {"slept"}


async def test_after_a_killed_program_the_next_one_works(place: Place) -> None:
    async with at_work(place) as task:
        place.world.kill_program()
        await task
        again = Program("first", "run-2", Acquire(30), lock_patience=60)
        assert (await ran(place.another(), again)).lease.fence == 2


async def test_programs_at_once_take_turns(place: Place) -> None:
    path = f"{place.world.root}/file"
    replies = await asyncio.gather(*(place.transport.run(program(WriteFile(path, b"%d" % n * 1000))) for n in range(4)))
    assert [reply for reply in replies if isinstance(reply, Refusal)] == []
    assert [reply.outcomes[0].state for reply in replies if isinstance(reply, ProgramReply)] == [CallState.DONE] * 4
    content = place.world.read_file(path)
    assert content in [b"%d" % n * 1000 for n in range(4)]
    assert sorted(reply.lease.fence for reply in replies if isinstance(reply, ProgramReply)) == [1, 2, 3, 4]
