"""What a program is on a simulated machine: a process with the lock, whose end is nobody's but its own.

The semantics that all transports share are held by the contract suite; here stands what only the twin can show.
"""

from __future__ import annotations

import asyncio

import pytest

from gpucarve.calls.primitives import Run, WriteFile
from gpucarve.calls.programs import Acquire, Guarded, Program, Refusal, RefusalKind
from gpucarve.calls.state import LEASE, LOCK, RECORD
from gpucarve.twin.faults import PowerLoss
from tests.twin.bench import GPU, SRIOV_MANAGE, Bench

pytestmark = pytest.mark.anyio

WRITES = (Guarded(Run((SRIOV_MANAGE, "-e", GPU))), Guarded(WriteFile("/srv/a", b"")))
SLOW = Program("laptop", "r1", Acquire(30), WRITES)


async def test_a_program_goes_on_when_whoever_asked_for_it_is_gone(bench: Bench) -> None:
    task = asyncio.ensure_future(bench.transport.run(SLOW))
    await bench.begun()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await bench.transport.wait_idle(60) is None
    assert list(await bench.files("/srv/a")) == ["/srv/a"]


async def test_a_running_program_is_in_the_process_table_with_its_child_and_its_lock(bench: Bench) -> None:
    task = asyncio.ensure_future(bench.transport.run(SLOW))
    await bench.begun()
    shell, child = bench.machine.up.processes.entries
    assert shell.argv == ("sh", "-s")
    assert child.argv == (SRIOV_MANAGE, "-e", GPU)
    assert shell.locks == child.locks == (LOCK,)
    await task
    assert bench.machine.up.processes.entries == ()


async def test_a_killed_program_leaves_its_child_at_work_with_the_lock(bench: Bench) -> None:
    task = asyncio.ensure_future(bench.transport.run(SLOW))
    await bench.begun()
    bench.host.end(bench.machine.up.processes.entries[0].pid)
    refused = await bench.transport.run(Program("laptop", "r2", Acquire(30), WRITES, lock_patience=0.5))
    assert isinstance(refused, Refusal)
    assert refused.kind is RefusalKind.LOCKED
    reply = await task
    assert isinstance(reply, Refusal)
    assert reply.kind is RefusalKind.LOST
    assert await bench.transport.wait_idle(60) is None
    assert await bench.text(f"/sys/bus/pci/devices/{GPU}/sriov_numvfs") == "16"
    assert await bench.files("/srv/*") == {}


async def test_a_command_that_a_power_cut_ended_does_nothing_to_the_next_boot(bench: Bench) -> None:
    task = asyncio.ensure_future(bench.transport.run(SLOW))
    await bench.begun()
    await asyncio.sleep(0)
    bench.host.strike(PowerLoss(0.5))
    assert isinstance(await task, Refusal)
    await bench.world.clock.sleep(1)
    pids = [bench.host.add_process(("agetty",)) for _ in range(4)]
    await bench.world.clock.sleep(10)
    assert await bench.text(f"/sys/bus/pci/devices/{GPU}/sriov_numvfs") == "0"
    assert [process.pid for process in bench.machine.up.processes.entries] == pids


async def test_a_command_that_a_power_cut_forestalls_does_nothing(bench: Bench) -> None:
    task = asyncio.ensure_future(bench.transport.run(SLOW))
    await bench.begun()
    bench.host.strike(PowerLoss(0.5))
    assert isinstance(await task, Refusal)
    await bench.world.clock.sleep(10)
    assert await bench.text(f"/sys/bus/pci/devices/{GPU}/sriov_numvfs") == "0"


async def test_reading_while_a_program_runs_waits_for_nothing(bench: Bench) -> None:
    task = asyncio.ensure_future(bench.transport.run(SLOW))
    await bench.begun()
    assert "0 begun" in await bench.text(RECORD)
    assert bench.host.lock_holder() is not None
    assert not task.done()
    await task


async def test_a_lock_that_somebody_holds_is_waited_for_and_then_named(bench: Bench) -> None:
    await bench.program()
    pid = bench.host.add_process(("sh", "-s"), (LOCK,), (LOCK,))
    refused = await bench.program(WriteFile("/srv/a", b""))
    assert isinstance(refused, Refusal)
    assert refused.kind is RefusalKind.LOCKED
    assert f"sh (pid {pid}" in refused.detail
    idle = await bench.transport.wait_idle(2)
    assert isinstance(idle, Refusal)
    bench.host.end(pid)
    assert await bench.transport.wait_idle(2) is None
    assert await bench.files("/srv/*") == {}


async def test_the_state_of_gpucarve_is_private_on_the_machine(bench: Bench) -> None:
    await bench.program(WriteFile("/srv/a", b""))
    nodes = bench.machine.files.nodes
    assert {path: node.mode for path, node in nodes.items() if path in (LEASE, LOCK, RECORD)} == dict.fromkeys(  # type: ignore[union-attr]  # files all
        (LEASE, LOCK, RECORD), 0o600
    )
    assert nodes["/var/lib/gpucarve"].mode == 0o700  # type: ignore[union-attr]  # a directory


async def test_a_lease_that_cannot_be_read_is_no_reason_to_go_on(bench: Bench) -> None:
    await bench.program()
    bench.host.by_hand(WriteFile(LEASE, b"mine\n"))
    refused = await bench.program(WriteFile("/srv/a", b""))
    assert isinstance(refused, Refusal)
    assert refused.kind is RefusalKind.UNFIT
    assert await bench.files("/srv/*") == {}
