"""What is ours and how it was before: recorded once, put back exactly, forgotten."""

from __future__ import annotations

from gpucarve.calls import state
from gpucarve.calls.primitives import Claim, Disown, Restore, WriteFile
from gpucarve.calls.programs import CallState
from gpucarve.calls.replies import Done, FailureKind, PathKind, PathStatus
from gpucarve.calls.transport import HostTransport
from tests.transports.contract.asking import failed, write, write_one
from tests.transports.contract.world import World

KEY = "vgpu@0000:65:00.0#0"


async def test_a_claim_holds_its_record_and_copies_in_the_agreed_layout(transport: HostTransport, world: World) -> None:
    content = bytes(range(256))
    world.put_file(f"{world.root}/file", content, mode=0o640, uid=12, gid=34)
    world.put_link(f"{world.root}/link\n", "it's\n")
    paths = (f"{world.root}/file", f"{world.root}/link\n", f"{world.root}/none")
    assert await write_one(transport, Claim(KEY, '{"a": "größe"}', paths)) == Done()
    claim = f"{state.CLAIMS}/{KEY}"
    assert world.read_file(f"{claim}/record") == '{"a": "größe"}'.encode()
    assert [world.read_file(f"{claim}/kept/{n}/path").decode() for n in range(3)] == list(paths)
    statuses = [world.read_file(f"{claim}/kept/{n}/status") for n in range(3)]
    assert statuses == [b"file 640 12 34\n", b"link\n", b"absent\n"]
    assert world.read_file(f"{claim}/kept/0/content") == content
    assert world.read_file(f"{claim}/kept/1/content") == b"it's\n"
    assert world.listing(f"{claim}/kept/2") == {"path", "status"}
    assert world.listing(state.CLAIMS) == {KEY}


async def test_copies_are_root_s_alone(transport: HostTransport, world: World) -> None:
    world.put_file(f"{world.root}/file", b"password", mode=0o644)
    await write_one(transport, Claim(KEY, "{}", (f"{world.root}/file",)))
    copy = world.status(f"{state.CLAIMS}/{KEY}/kept/0/content")
    assert copy is not None
    assert copy.mode == 0o600
    root = world.status(state.ROOT)
    assert root == PathStatus(state.ROOT, PathKind.DIRECTORY, 0o700, 0, 0)


async def test_the_first_claim_wins(transport: HostTransport, world: World) -> None:
    path = f"{world.root}/file"
    world.put_file(path, b"first")
    await write_one(transport, Claim(KEY, "1", (path,)))
    world.put_file(path, b"second")
    assert await write_one(transport, Claim(KEY, "2", (path,))) == Done()
    assert world.read_file(f"{state.CLAIMS}/{KEY}/record") == b"1"
    assert world.read_file(f"{state.CLAIMS}/{KEY}/kept/0/content") == b"first"
    assert world.listing(f"{state.CLAIMS}/{KEY}") == {"record", "kept"}


async def test_what_cannot_be_preserved_is_not_claimed(transport: HostTransport, world: World) -> None:
    world.make_directory(f"{world.root}/directory")
    world.put_file(f"{world.root}/file", b"x")
    call = Claim(KEY, "1", (f"{world.root}/file", f"{world.root}/directory"))
    failed(await write_one(transport, call), FailureKind.NOT_REGULAR)
    assert world.listing(state.CLAIMS) == set()


async def test_a_file_is_put_back_with_content_mode_and_owner(transport: HostTransport, world: World) -> None:
    path = f"{world.root}/file"
    before = PathStatus(path, PathKind.FILE, 0o4640, 12, 34)
    world.put_file(path, b"before\0", mode=0o4640, uid=12, gid=34)
    await write_one(transport, Claim(KEY, "1", (f"{world.root}/other", path)))
    for changed in ("rewritten", "removed", "linked"):
        world.remove(path)
        if changed == "rewritten":
            world.put_file(path, b"after", mode=0o777, uid=1, gid=1)
        if changed == "linked":
            world.put_link(path, "elsewhere")
        assert await write_one(transport, Restore(KEY, path)) == Done()
        assert (changed, world.read_file(path), world.status(path)) == (changed, b"before\0", before)
    assert world.listing(world.root) == {"file"}


async def test_a_link_and_an_absence_are_put_back(transport: HostTransport, world: World) -> None:
    link, none = f"{world.root}/link", f"{world.root}/none"
    world.put_link(link, "before it's\n")
    await write_one(transport, Claim(KEY, "1", (link, none)))
    world.remove(link)
    await write(transport, WriteFile(link, b"x"), WriteFile(none, b"y"))
    outcomes = await write(transport, Restore(KEY, link), Restore(KEY, none), Restore(KEY, none))
    assert [outcome.state for outcome in outcomes] == [CallState.DONE] * 3
    assert world.read_link(link) == "before it's\n"
    assert world.status(none) is None


async def test_restoring_what_was_not_preserved_is_absent(transport: HostTransport, world: World) -> None:
    world.put_file(f"{world.root}/a", b"x")
    failed(await write_one(transport, Restore(KEY, f"{world.root}/a")), FailureKind.ABSENT)
    await write_one(transport, Claim(KEY, "1", (f"{world.root}/a",)))
    failed(await write_one(transport, Restore(KEY, f"{world.root}/b")), FailureKind.ABSENT)
    failed(await write_one(transport, Restore("other", f"{world.root}/a")), FailureKind.ABSENT)
    assert world.listing(world.root) == {"a"}


async def test_a_directory_in_the_way_is_not_removed(transport: HostTransport, world: World) -> None:
    path = f"{world.root}/file"
    world.put_file(path, b"x")
    await write_one(transport, Claim(KEY, "1", (path,)))
    world.remove(path)
    world.make_directory(path)
    failed(await write_one(transport, Restore(KEY, path)), FailureKind.NOT_REGULAR)
    assert world.listing(path) == set()


async def test_a_disowned_claim_is_gone_with_its_copies(transport: HostTransport, world: World) -> None:
    world.put_file(f"{world.root}/a", b"x")
    await write(transport, Claim(KEY, "1", (f"{world.root}/a",)), Claim("other", "2"))
    assert await write_one(transport, Disown(KEY)) == Done()
    assert world.listing(state.CLAIMS) == {"other"}
    assert await write_one(transport, Disown(KEY)) == Done()
    assert world.read_file(f"{world.root}/a") == b"x"
