"""Files that are written one after the other: each is guarded, told and in its place as if it were written alone."""

from __future__ import annotations

import pytest

from gpucarve.calls.predicates import Absent, Sha256
from gpucarve.calls.primitives import Run, WriteFile
from gpucarve.calls.programs import CallState, Guarded
from gpucarve.calls.replies import FailureKind
from gpucarve.calls.transport import HostTransport
from tests.transports.contract.asking import failed, write
from tests.transports.contract.world import Script, World

DONE, SKIPPED, STOPPED = CallState.DONE, CallState.SKIPPED, CallState.STOPPED
FAILED, NOT_REACHED = CallState.FAILED, CallState.NOT_REACHED


async def test_a_guard_sees_what_the_file_before_it_became(transport: HostTransport, world: World) -> None:
    path = f"{world.root}/file"
    steps = [Guarded(WriteFile(path, b"0"), before=(Absent(path),))]
    steps += [Guarded(WriteFile(path, b"%d" % n), before=(Sha256.of(path, b"%d" % (n - 1)),)) for n in range(1, 4)]
    other = f"{world.root}/other"
    steps += [Guarded(WriteFile(other, b"x"), before=(Sha256.of(path, b"3"),))]
    assert [outcome.state for outcome in await write(transport, *steps)] == [DONE] * 5
    assert (world.read_file(path), world.read_file(other)) == (b"3", b"x")


async def test_files_before_a_guard_that_stops_are_in_their_places(transport: HostTransport, world: World) -> None:
    world.put_file(f"{world.root}/b", b"somebody's")
    files = [WriteFile(f"{world.root}/{name}", b"ours") for name in "abc"]
    outcomes = await write(transport, *(Guarded(file, before=(Absent(file.path),)) for file in files))
    assert [outcome.state for outcome in outcomes] == [DONE, STOPPED, NOT_REACHED]
    assert world.listing(world.root) == {"a", "b"}
    assert (world.read_file(f"{world.root}/a"), world.read_file(f"{world.root}/b")) == (b"ours", b"somebody's")


async def test_a_file_that_is_as_wanted_is_passed_over(transport: HostTransport, world: World) -> None:
    world.put_file(f"{world.root}/b", b"b")
    files = [WriteFile(f"{world.root}/{name}", name.encode()) for name in "abc"]
    outcomes = await write(transport, *(Guarded(file, wanted=(Sha256.of(file.path, b"b"),)) for file in files))
    assert [outcome.state for outcome in outcomes] == [DONE, SKIPPED, DONE]
    assert world.listing(world.root) == {"a", "b", "c"}


async def test_files_before_one_that_fails_are_in_their_places(transport: HostTransport, world: World) -> None:
    files = [WriteFile(f"{world.root}/{name}", b"x") for name in ("a", "none/b", "c")]
    outcomes = await write(transport, *files)
    assert [outcome.state for outcome in outcomes] == [DONE, FAILED, NOT_REACHED]
    failed(outcomes[1].reply, FailureKind.ABSENT)
    assert world.listing(world.root) == {"a"}


async def test_a_command_between_files_finds_the_first_and_not_the_last(transport: HostTransport, world: World) -> None:
    world.define_command("tool", Script(stdout=b"said"))
    look = Guarded(Run(("tool",)), before=(Sha256.of(f"{world.root}/a", b"x"), Absent(f"{world.root}/b")))
    outcomes = await write(transport, WriteFile(f"{world.root}/a", b"x"), look, WriteFile(f"{world.root}/b", b"x"))
    assert [outcome.state for outcome in outcomes] == [DONE] * 3


async def test_each_file_gets_its_own_mode(transport: HostTransport, world: World) -> None:
    modes = [0o644, 0o644, 0o600, 0o755, 0o644]
    world.put_file(f"{world.root}/1", b"old", mode=0o640)
    files = [WriteFile(f"{world.root}/{n}", b"x", mode=mode) for n, mode in enumerate(modes)]
    assert [outcome.state for outcome in await write(transport, *files)] == [DONE] * 5
    found = [world.status(file.path) for file in files]
    assert [each and each.mode for each in found] == [0o644, 0o640, 0o600, 0o755, 0o644]


@pytest.mark.parametrize("size", [60_000, 120_000])
async def test_files_need_room_one_after_the_other(transport: HostTransport, world: World, size: int) -> None:
    """Three are replaced where there is room for one copy, as they would be one by one."""
    disk = world.small_disk("disk", 512 * 1024)
    files = [WriteFile(f"{disk}/{name}", b"n" * size) for name in "abc"]
    for file in files:
        world.put_file(file.path, b"o" * size)
    assert [outcome.state for outcome in await write(transport, *files)] == [DONE] * 3
    assert world.listing(disk) == {"a", "b", "c"}
    assert {world.read_file(file.path) for file in files} == {b"n" * size}


async def test_the_file_that_finds_no_room_is_the_one_that_is_told(transport: HostTransport, world: World) -> None:
    disk = world.small_disk("disk", 256 * 1024)
    sizes = {"a": 90_000, "b": 90_000, "c": 200_000, "d": 1}
    outcomes = await write(transport, *(WriteFile(f"{disk}/{name}", b"n" * size) for name, size in sizes.items()))
    assert [outcome.state for outcome in outcomes] == [DONE, DONE, FAILED, NOT_REACHED]
    failed(outcomes[2].reply, FailureKind.EXHAUSTED)
    assert world.listing(disk) == {"a", "b"}
