"""Programs: their order, the record they leave, the lease they hold, and what refuses them."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from gpucarve.calls import state
from gpucarve.calls.predicates import Absent
from gpucarve.calls.primitives import Claim, ReadFiles, Run, Stat, WriteFile
from gpucarve.calls.programs import (
    Acquire,
    CallState,
    Guarded,
    Hold,
    Lease,
    LeaseChange,
    Program,
    ProgramReply,
    Refusal,
    RefusalKind,
    Release,
)
from gpucarve.calls.replies import File, Files
from gpucarve.calls.secret import Secret
from gpucarve.calls.transport import HostTransport
from tests.transports.contract.asking import gathered, program, ran
from tests.transports.contract.world import Script, World

THEIRS = Lease(fence=1, beat=1, seconds=30, holder="theirs", run="run-0")


async def test_writes_happen_in_order_and_stop_at_the_first_failure(transport: HostTransport, world: World) -> None:
    world.define_command("tool", Script(status=1, touch=f"{world.root}/two"))
    writes = (WriteFile(f"{world.root}/one", b""), Run(("tool",)), WriteFile(f"{world.root}/three", b""))
    reply = await ran(transport, program(*writes, then_read=(Stat((f"{world.root}/*",)),)))
    assert [outcome.state for outcome in reply.outcomes] == [
        CallState.DONE,
        CallState.FAILED,
        CallState.NOT_REACHED,
    ]
    assert not reply.complete
    assert world.listing(world.root) == {"one", "two"}
    assert [len(getattr(read, "entries", ())) for read in reply.reads] == [2]


async def test_a_program_reads_back_after_its_writes(transport: HostTransport, world: World) -> None:
    path = f"{world.root}/file"
    reply = await ran(
        transport, program(WriteFile(path, b"new\0"), then_read=(ReadFiles((path,)), ReadFiles(("/none",))))
    )
    assert reply.complete
    assert reply.reads == (Files((File(path, b"new\0"),)), Files(()))


@pytest.mark.parametrize("text", [b"", b"run=1\n0 begun\n", b"  a \\n\n\n0 cut sho", b"0 done\n" * 20])
async def test_the_record_is_read_as_it_stands(transport: HostTransport, world: World, text: bytes) -> None:
    """By itself or among other files, where a crash cut its last line short, and up to the limit."""
    await ran(transport, program())
    world.put_file(state.RECORD, text, mode=0o600)
    alone, among = await gathered(
        transport, ReadFiles((state.RECORD,), limit=100), ReadFiles((state.RECORD, "/none"), limit=100)
    )
    assert alone == among == Files((File(state.RECORD, text[:100], len(text) > 100),))


async def test_forty_writes_make_one_program(transport: HostTransport, world: World) -> None:
    reply = await ran(transport, program(*(WriteFile(f"{world.root}/{n}", b"%d" % n) for n in range(40))))
    assert reply.complete
    assert all(world.read_file(f"{world.root}/{n}") == b"%d" % n for n in range(40))


async def test_the_record_tells_every_write_and_the_end(transport: HostTransport, world: World) -> None:
    done = WriteFile(f"{world.root}/one", b"")
    skipped = Guarded(done, wanted=(Absent(f"{world.root}/none"),))
    stopped = Guarded(done, before=(Absent(f"{world.root}/one"),))
    await ran(transport, program(done, skipped, stopped, done))
    text = world.read_file(state.RECORD).decode()
    record = state.parse_record(text)
    assert record is not None
    assert (record.run, record.fence, record.writes, record.ended) == ("run-1", 1, 4, True)
    assert record.states == {0: "done", 1: "skipped", 2: "stopped"}
    assert text.split("\n")[1:] == ["0 begun", "0 done", "1 skipped", "2 stopped", "end", ""]
    assert (record.pid > 0, len(record.boot)) == (True, 36)


async def test_a_failed_write_is_recorded_as_failed(transport: HostTransport, world: World) -> None:
    await ran(transport, program(WriteFile(f"{world.root}/none/x", b"")))
    record = state.parse_record(world.read_file(state.RECORD).decode())
    assert record is not None
    assert (record.states, record.ended) == ({0: "failed"}, True)


async def test_each_program_has_a_record_of_its_own(transport: HostTransport, world: World) -> None:
    await ran(transport, program(WriteFile(f"{world.root}/one", b"")))
    await ran(transport, Program("laptop", "run-2", Hold(fence=1, seconds=30)))
    record = state.parse_record(world.read_file(state.RECORD).decode())
    assert record is not None
    assert (record.run, record.writes, record.states, record.ended) == ("run-2", 0, {}, True)


async def test_no_secret_is_kept_in_the_state(transport: HostTransport, world: World) -> None:
    secret = b"correct horse battery staple"
    world.define_command("tool", Script())
    await ran(transport, program(WriteFile(f"{world.root}/file", Secret(secret)), Run(("tool",), Secret(secret))))
    kept = [world.read_file(f"{state.ROOT}/{name}") for name in world.listing(state.ROOT)]
    assert len(kept) >= 3
    assert not any(secret in content for content in kept)


@dataclass(frozen=True)
class Case:
    """A lease as it stands, what a program asks, and the lease it then has or why it is refused."""

    stands: Lease | None
    asks: LeaseChange
    then: Lease | RefusalKind


OURS = Lease(fence=4, beat=9, seconds=30, holder="laptop", run="run-0")
OTHER = Lease(fence=4, beat=9, seconds=30, holder="other", run="run-0")
FREE = Lease(fence=4, beat=9)
CASES = {
    "never touched": Case(None, Acquire(30), Lease(1, 1, 30, "laptop", "run-1")),
    "free": Case(FREE, Acquire(60), Lease(5, 10, 60, "laptop", "run-1")),
    "ours": Case(OURS, Acquire(30), Lease(5, 10, 30, "laptop", "run-1")),
    "held": Case(OTHER, Acquire(30), RefusalKind.LEASE_HELD),
    "held and stalled": Case(OTHER, Acquire(30, stalled=OTHER), Lease(5, 10, 30, "laptop", "run-1")),
    "held and beating": Case(OTHER, Acquire(30, stalled=Lease(4, 8)), RefusalKind.LEASE_HELD),
    "taken by another since": Case(OTHER, Acquire(30, stalled=Lease(3, 9)), RefusalKind.LEASE_HELD),
    "free, for one program": Case(FREE, Acquire(60, ends=True), Lease(5, 10)),
    "ours, for one program more": Case(OURS, Acquire(30, ends=True), Lease(5, 10)),
    "held, for one program": Case(OTHER, Acquire(30, ends=True), RefusalKind.LEASE_HELD),
    "held on": Case(OURS, Hold(4, 90), Lease(4, 10, 90, "laptop", "run-1")),
    "held on under an older fence": Case(OURS, Hold(3, 30), RefusalKind.FENCED),
    "held on under a later fence": Case(OURS, Hold(5, 30), RefusalKind.FENCED),
    "held on but taken over": Case(OTHER, Hold(4, 30), RefusalKind.FENCED),
    "held on but given back": Case(FREE, Hold(4, 30), RefusalKind.FENCED),
    "held on but never had": Case(None, Hold(0, 30), RefusalKind.FENCED),
    "given back": Case(OURS, Release(4), Lease(4, 10)),
    "given back under an older fence": Case(OURS, Release(3), RefusalKind.FENCED),
    "given back but taken over": Case(OTHER, Release(4), RefusalKind.FENCED),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_the_lease_is_compared_and_set(transport: HostTransport, world: World, case: Case) -> None:
    await ran(transport, program(holder="theirs"))
    if case.stands is None:
        world.remove(state.LEASE)
    else:
        world.put_file(state.LEASE, state.lease_text(case.stands).encode())
    before = {name: world.read_file(f"{state.ROOT}/{name}") for name in world.listing(state.ROOT)}
    path = f"{world.root}/file"
    reply = await transport.run(Program("laptop", "run-1", case.asks, (Guarded(WriteFile(path, b"x")),)))
    if isinstance(case.then, RefusalKind):
        assert isinstance(reply, Refusal)
        assert (reply.kind, reply.lease) == (case.then, case.stands or Lease())
        assert {name: world.read_file(f"{state.ROOT}/{name}") for name in world.listing(state.ROOT)} == before
        assert world.listing(world.root) == set()
    else:
        assert isinstance(reply, ProgramReply), reply
        assert reply.lease == case.then
        assert world.read_file(state.LEASE).decode() == state.lease_text(case.then)
        assert world.listing(world.root) == {"file"}


async def test_the_lease_is_given_back_also_after_a_failure(transport: HostTransport, world: World) -> None:
    await ran(transport, program())
    failing = Guarded(WriteFile(f"{world.root}/none/x", b""))
    for change, fence in ((Release(fence=1), 1), (Acquire(30, ends=True), 2)):
        reply = await ran(transport, Program("laptop", "run-1", change, (failing,)))
        assert (reply.complete, reply.lease) == (False, Lease(fence=fence, beat=fence + 1))


async def test_a_damaged_lease_refuses_every_program_and_is_named(transport: HostTransport, world: World) -> None:
    await ran(transport, program())
    for damage in (b"nonsense\n", b"fence=x beat=1 seconds=1 holder= run=\n"):
        world.put_file(state.LEASE, damage)
        reply = await transport.run(program(WriteFile(f"{world.root}/file", b"")))
        assert isinstance(reply, Refusal)
        assert reply.kind is RefusalKind.UNFIT
        assert state.LEASE in reply.detail
    assert world.listing(world.root) == set()


async def test_claims_survive_the_lease_s_taker(transport: HostTransport, world: World) -> None:
    await ran(transport, program(Claim("key", "1"), holder="theirs"))
    taker = Program("laptop", "run-1", Acquire(30, stalled=THEIRS))
    reply = await ran(transport, taker)
    assert reply.lease.fence == 2
    assert world.listing(state.CLAIMS) == {"key"}
