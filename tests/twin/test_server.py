"""A world in a process of its own: its clients come and go, even by SIGKILL, and it goes on."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gpucarve.calls.objects import ApplyObject, GetObject, ObjectRef
from gpucarve.calls.primitives import Inspect, ReadFiles, Run, Stat, WriteFile
from gpucarve.calls.programs import Acquire, Guarded, Program, ProgramReply, Refusal, RefusalKind
from gpucarve.calls.replies import Exited, Failure, FailureKind, Files, Object, PathStatuses
from gpucarve.calls.secret import Secret
from gpucarve.calls.state import RECORD, parse_record
from gpucarve.errors import UnreachableError
from gpucarve.model.hosts import Target
from gpucarve.twin import scenes
from gpucarve.twin.client import RemoteWorld, connect
from gpucarve.twin.errors import Impossible
from gpucarve.twin.faults import Fault, Hang, Point, PowerLoss
from gpucarve.twin.launch import launch
from gpucarve.twin.worlds import SEED_004_CLUSTER, SEED_004_HOST, seed_004_scene
from tests.twin.bench import GPU, SRIOV_MANAGE, UUID, VF, eventually

pytestmark = pytest.mark.anyio

_CONTROLLER = """
import asyncio, sys
from pathlib import Path
from gpucarve.calls.primitives import WriteFile
from gpucarve.calls.programs import Acquire, Guarded, Program
from gpucarve.twin.client import connect
from gpucarve.twin.worlds import SEED_004_HOST

async def main() -> None:
    writes = tuple(Guarded(WriteFile(f"/srv/{number}", b"x")) for number in range(10))
    await connect(Path(sys.argv[1])).host(SEED_004_HOST).run(Program("laptop", "r1", Acquire(30), writes))

asyncio.run(main())
"""


@pytest.fixture
async def socket(tmp_path: Path) -> AsyncIterator[Path]:
    path = tmp_path / "twin"
    process = launch("seed-004", path, speed=500)
    yield path
    process.terminate()
    assert process.wait(timeout=10) == 0
    assert not path.exists()


@pytest.fixture
async def remote(socket: Path) -> AsyncIterator[RemoteWorld]:
    world = connect(socket)
    yield world
    await world.close()


async def _at_least(remote: RemoteWorld, number: int) -> bool:
    return len(await _names(remote)) >= number


async def _later_than(remote: RemoteWorld, time: float) -> bool:
    return await remote.clock.now() > time


async def _write_begun(remote: RemoteWorld) -> bool:
    return (await remote.admin(SEED_004_HOST).counts())["before write"] > 0


async def _names(remote: RemoteWorld) -> list[str]:
    replies = await remote.host(SEED_004_HOST).gather((Stat(("/srv/*",)),))
    assert isinstance(replies, tuple)
    (reply,) = replies
    assert isinstance(reply, PathStatuses)
    return [status.path for status in reply.entries]


async def test_a_program_of_a_killed_controller_ends_by_itself(socket: Path, remote: RemoteWorld) -> None:
    await remote.admin(SEED_004_HOST).pace(0.05)
    controller = await asyncio.create_subprocess_exec(sys.executable, "-c", _CONTROLLER, str(socket))
    await eventually(lambda: _at_least(remote, 3), 0.01)
    controller.send_signal(signal.SIGKILL)
    await controller.wait()
    assert len(await _names(remote)) < 10
    assert await remote.host(SEED_004_HOST).wait_idle(5) is None
    assert len(await _names(remote)) == 10
    (reply,) = await _gathered(remote, ReadFiles((RECORD,)))
    assert isinstance(reply, Files)
    record = parse_record(reply.entries[0].text() + "\n")
    assert record is not None
    assert record.ended


async def _gathered(remote: RemoteWorld, *reads: ReadFiles | Stat | Inspect) -> tuple[object, ...]:
    replies = await remote.host(SEED_004_HOST).gather(reads)
    assert isinstance(replies, tuple), replies
    return replies


async def test_two_controllers_are_served_and_the_second_is_refused_the_lease(
    socket: Path, remote: RemoteWorld
) -> None:
    other = connect(socket)
    first = await remote.host(SEED_004_HOST).run(Program("laptop", "r1", Acquire(30)))
    second = await other.host(SEED_004_HOST).run(Program("desktop", "r2", Acquire(30)))
    assert isinstance(first, ProgramReply)
    assert isinstance(second, Refusal)
    assert second.kind is RefusalKind.LEASE_HELD
    assert second.lease == first.lease
    await other.close()


async def test_the_socket_is_its_owners_alone(socket: Path) -> None:
    assert stat.S_IMODE(os.stat(socket).st_mode) == 0o600  # noqa: PTH116  # either way is blocking
    with pytest.raises(UnreachableError):
        launch("seed-004", socket)


async def test_a_socket_that_a_dead_world_left_makes_room(tmp_path: Path) -> None:
    path = tmp_path / "twin"
    killed = launch("seed-004", path)
    killed.kill()
    killed.wait()
    assert path.exists()
    process = launch("seed-004", path)
    process.terminate()
    assert process.wait(timeout=10) == 0


async def test_a_world_file_is_read_and_a_bad_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "world.json"
    path.write_text(scenes.to_text(seed_004_scene(seed=9)))
    process = launch(str(path), tmp_path / "twin")
    world = connect(tmp_path / "twin")
    assert (await world.snapshot())["seed"] == 9
    await world.close()
    process.terminate()
    process.wait()
    path.write_text('{"hosts": {}, "colour": 1}')
    argv = [sys.executable, "-m", "gpucarve.twin", str(path), str(tmp_path / "other")]
    refused = await asyncio.to_thread(subprocess.run, argv, capture_output=True, check=False)
    assert refused.returncode == 65
    assert b"unknown field 'colour'" in refused.stderr


async def test_a_world_that_is_not_there_is_unreachable(tmp_path: Path) -> None:
    world = connect(tmp_path / "none")
    refusal = await world.host(SEED_004_HOST).gather(())
    assert isinstance(refusal, Refusal)
    assert refusal.kind is RefusalKind.UNREACHABLE
    assert isinstance(await world.cluster(SEED_004_CLUSTER).ask(GetObject(ObjectRef("v1", "Node", "n"))), Failure)
    with pytest.raises(UnreachableError):
        await world.clock.now()


async def test_a_world_that_goes_away_loses_what_was_asked(tmp_path: Path) -> None:
    process = launch("seed-004", tmp_path / "twin")
    world = connect(tmp_path / "twin")
    await world.admin(SEED_004_HOST).pace(5)
    program = Program("laptop", "r1", Acquire(30), (Guarded(WriteFile("/srv/a", b"")),))
    task = asyncio.ensure_future(world.host(SEED_004_HOST).run(program))
    await eventually(lambda: _write_begun(world), 0.01)
    process.kill()
    process.wait()
    reply = await task
    assert isinstance(reply, Refusal)
    assert reply.kind is RefusalKind.LOST
    await world.close()


async def test_what_does_not_exist_is_said_and_harms_nothing(remote: RemoteWorld) -> None:
    refusal = await remote.host(Target("cci1", "nowhere")).gather(())
    assert isinstance(refusal, Refusal)
    assert refusal.kind is RefusalKind.UNREACHABLE
    assert str(SEED_004_HOST) in refusal.detail, "it says which hosts there are"
    with pytest.raises(Impossible, match=f"{UUID} is neither"):
        await remote.admin(SEED_004_HOST).start_guest(UUID, "instance-0000002a")
    assert await remote.clock.now() >= 0


async def test_a_client_that_is_gone_waits_no_more_and_moves_no_time(socket: Path, remote: RemoteWorld) -> None:
    _, writer = await asyncio.open_unix_connection(socket)
    writer.write(b'{"id": 1, "ask": "sleep", "body": 1000000}\n')
    await writer.drain()
    await eventually(lambda: _later_than(remote, 0), 0.01)
    writer.close()
    await writer.wait_closed()
    await remote.clock.sleep(1)
    before = await remote.clock.now()
    await asyncio.sleep(0.05)
    assert await remote.clock.now() == before


async def test_lines_that_are_no_requests_are_answered_with_an_error(socket: Path, remote: RemoteWorld) -> None:
    reader, writer = await asyncio.open_unix_connection(socket)
    for line in (b"no json\n", b"[]\n", b'{"id": 1}\n', b'{"id": 2, "ask": "gather", "target": "x", "body": []}\n'):
        writer.write(line)
        assert b'"error"' in await reader.readline()
    writer.close()
    assert await remote.clock.now() >= 0


async def test_everything_asked_of_a_world_survives_the_way(remote: RemoteWorld) -> None:
    host, admin = remote.host(SEED_004_HOST), remote.admin(SEED_004_HOST)
    await admin.by_hand(WriteFile("/etc/default/grub", b'GRUB_CMDLINE_LINUX_DEFAULT="intel_iommu=on"\n'))
    for argv in (("update-grub",), ("systemctl", "reboot")):
        assert isinstance(await admin.by_hand(Run(argv)), Exited)
    await remote.clock.sleep(120)
    secret = Guarded(WriteFile("/srv/token", Secret(b"\xffhidden")))
    reply = await host.run(Program("laptop", "r1", Acquire(30), (Guarded(Run((SRIOV_MANAGE, "-e", GPU))), secret)))
    assert isinstance(reply, ProgramReply)
    assert reply.complete
    (files,) = await _gathered(remote, ReadFiles(("/srv/token",)))
    assert isinstance(files, Files)
    assert files.entries[0].content == b"\xffhidden"
    await admin.by_hand(Run(("mdevctl", "start", "-u", UUID, "-p", VF, "-t", "nvidia-697")))
    pid = await admin.start_guest(UUID, "instance-0000002a")
    stopped = await admin.by_hand(Run(("mdevctl", "stop", "-u", UUID)))
    assert isinstance(stopped, Failure)
    assert stopped.kind is FailureKind.TIMED_OUT, "the guest has it"
    await admin.kill(pid)
    data = {"metadata": {"labels": {"a": "b"}}, "spec": {"taints": [{"key": "k"}]}}
    applied = await remote.cluster(SEED_004_CLUSTER).ask(
        ApplyObject(ObjectRef("v1", "Node", "computegpu000"), "gpucarve", data)
    )
    assert isinstance(applied, Object)
    assert applied.data["spec"]["taints"] == [{"key": "k"}]
    await admin.place(Fault(Point.REQUEST, 1, PowerLoss(20)))
    assert isinstance(await host.gather(()), Refusal)
    await remote.advance(20)
    assert await host.gather(()) == ()
    await admin.strike(Hang(5))
    await remote.set_speed(None)
    assert await host.gather(()) == ()
    await host.close()
