"""The writes: what stands on the host afterwards, and that a failed one leaves everything as it was."""

from __future__ import annotations

import pytest

from gpucarve.calls.primitives import MakeLink, ReadFiles, Remove, WriteFile, WriteValue
from gpucarve.calls.programs import CallState
from gpucarve.calls.replies import Done, FailureKind, Files, PathKind, PathStatus
from gpucarve.calls.secret import Secret
from gpucarve.calls.transport import HostTransport
from tests.transports.contract.asking import failed, gathered, write, write_one
from tests.transports.contract.world import World

CONTENTS = {
    "empty": b"",
    "every-byte": bytes(range(256)) * 3,
    "percent": b"%s %d %% %",
    "backslash": b"\\n \\0 \\\\ \\",
    "quotes": b"'\"'\"'",
    "dash": b"-n -e --",
    "digits-after-escape": b"\x001\x7f7\x0189\xff0",
    "no-line-end": b"a\nb",
    "big": bytes(range(251)) * 2000,
}
NAMES = ("plain", "with blank", "it's", "new\nline", "trailing\n", "-n", "*", "[a]", "$x", "größe", "\udcff")


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
async def test_a_file_holds_the_bytes_it_was_given(transport: HostTransport, world: World, content: bytes) -> None:
    for path, given in ((f"{world.root}/plain", content), (f"{world.root}/secret", Secret(content))):
        assert await write_one(transport, WriteFile(path, given)) == Done()
        assert world.read_file(path) == content
    assert world.listing(world.root) == {"plain", "secret"}


async def test_files_of_any_name_are_written_and_removed(transport: HostTransport, world: World) -> None:
    for name in NAMES:
        assert await write_one(transport, WriteFile(f"{world.root}/{name}", name.encode("utf-8", "replace"))) == Done()
    assert world.listing(world.root) == set(NAMES)
    outcomes = await write(transport, *(Remove(f"{world.root}/{name}") for name in NAMES))
    assert [outcome.reply for outcome in outcomes] == [Done()] * len(NAMES)
    assert world.listing(world.root) == set()


async def test_a_new_file_gets_its_mode_and_belongs_to_root(transport: HostTransport, world: World) -> None:
    for mode in (0o600, 0o644, 0o755, 0o4755):
        path = f"{world.root}/{mode:o}"
        await write_one(transport, WriteFile(path, b"x", mode=mode))
        assert world.status(path) == PathStatus(path, PathKind.FILE, mode, 0, 0)


async def test_an_old_file_keeps_mode_and_owner(transport: HostTransport, world: World) -> None:
    path = f"{world.root}/old"
    world.put_file(path, b"old", mode=0o640, uid=12, gid=34)
    await write_one(transport, WriteFile(path, b"new", mode=0o600))
    assert world.read_file(path) == b"new"
    assert world.status(path) == PathStatus(path, PathKind.FILE, 0o640, 12, 34)


async def test_a_link_is_followed_and_stays(transport: HostTransport, world: World) -> None:
    world.make_directory(f"{world.root}/real")
    world.put_file(f"{world.root}/real/file", b"old", mode=0o600)
    world.put_link(f"{world.root}/link", "real/file")
    world.put_link(f"{world.root}/link-to-link", "link")
    await write_one(transport, WriteFile(f"{world.root}/link-to-link", b"new"))
    assert world.read_file(f"{world.root}/real/file") == b"new"
    assert world.read_link(f"{world.root}/link-to-link") == "link"
    assert world.listing(f"{world.root}/real") == {"file"}


async def test_a_link_to_nothing_is_filled(transport: HostTransport, world: World) -> None:
    world.put_link(f"{world.root}/link", "target")
    await write_one(transport, WriteFile(f"{world.root}/link", b"new"))
    assert world.read_file(f"{world.root}/target") == b"new"
    assert world.read_link(f"{world.root}/link") == "target"


async def test_a_link_in_circles_is_a_failure(transport: HostTransport, world: World) -> None:
    world.put_link(f"{world.root}/one", "two")
    world.put_link(f"{world.root}/two", "one")
    failed(await write_one(transport, WriteFile(f"{world.root}/one", b"x")), FailureKind.OTHER)
    assert world.listing(world.root) == {"one", "two"}


async def test_a_file_in_a_missing_directory_is_absent(transport: HostTransport, world: World) -> None:
    failed(await write_one(transport, WriteFile(f"{world.root}/none/file", b"x")), FailureKind.ABSENT)
    assert world.listing(world.root) == set()


async def test_what_is_no_file_is_not_replaced(transport: HostTransport, world: World) -> None:
    world.make_directory(f"{world.root}/directory")
    world.put_fifo(f"{world.root}/fifo")
    for name in ("directory", "fifo"):
        failed(await write_one(transport, WriteFile(f"{world.root}/{name}", b"x")), FailureKind.NOT_REGULAR)
    assert world.listing(world.root) == {"directory", "fifo"}
    assert world.listing(f"{world.root}/directory") == set()


async def test_a_full_disk_leaves_the_old_content_and_nothing_else(transport: HostTransport, world: World) -> None:
    disk = world.small_disk("disk", 256 * 1024)
    world.put_file(f"{disk}/file", b"old")
    failed(await write_one(transport, WriteFile(f"{disk}/file", b"n" * 400_000)), FailureKind.EXHAUSTED)
    failed(await write_one(transport, WriteFile(f"{disk}/new", b"n" * 400_000)), FailureKind.EXHAUSTED)
    assert world.listing(disk) == {"file"}
    assert world.read_file(f"{disk}/file") == b"old"


@pytest.mark.parametrize("size", [1, 4096, 100_000])
async def test_a_disk_without_any_room_takes_no_file(transport: HostTransport, world: World, size: int) -> None:
    """However short: what a shell's own printf holds back until its end is told as well."""
    disk = world.small_disk("disk", 64 * 1024)
    world.put_file(f"{disk}/filling", b"f" * 64 * 1024)
    failed(await write_one(transport, WriteFile(f"{disk}/file", b"n" * size)), FailureKind.EXHAUSTED)
    assert world.listing(disk) == {"filling"}


async def test_a_read_only_disk_refuses(transport: HostTransport, world: World) -> None:
    disk = world.read_only_disk("disk")
    calls = (WriteFile(f"{disk}/old", b"n"), WriteFile(f"{disk}/new", b"n"), Remove(f"{disk}/old"))
    for call in (*calls, MakeLink(f"{disk}/link", "old")):
        failed(await write_one(transport, call), FailureKind.REFUSED)
    assert world.listing(disk) == {"old"}


async def test_a_value_arrives_as_it_is(transport: HostTransport, world: World) -> None:
    path = f"{world.root}/attribute"
    world.put_file(path, b"a longer old value\n")
    for value in ("1", "vfio-pci\n", "it's %s \\n", "größe"):
        assert await write_one(transport, WriteValue(path, value)) == Done()
        assert world.read_file(path) == value.encode()


@pytest.mark.parametrize(
    ("error", "kind"),
    [("ENOSPC", FailureKind.EXHAUSTED), ("EINVAL", FailureKind.INVALID), ("EACCES", FailureKind.REFUSED)],
)
async def test_a_refused_value_tells_the_kernels_reason(
    transport: HostTransport, world: World, error: str, kind: FailureKind
) -> None:
    failed(await write_one(transport, WriteValue(world.fixed_attribute("bad", error), "nonsense")), kind)


async def test_a_value_is_never_written_into_a_new_file(transport: HostTransport, world: World) -> None:
    failed(await write_one(transport, WriteValue(f"{world.root}/none", "1")), FailureKind.ABSENT)
    failed(await write_one(transport, WriteValue(f"{world.root}/none/none", "1")), FailureKind.ABSENT)
    world.make_directory(f"{world.root}/directory")
    failed(await write_one(transport, WriteValue(f"{world.root}/directory", "1")), FailureKind.NOT_REGULAR)
    assert world.listing(world.root) == {"directory"}


async def test_a_link_is_made_once(transport: HostTransport, world: World) -> None:
    for number, target in enumerate(("../x", "it's a\nlink", "-s", "/absolute")):
        assert await write_one(transport, MakeLink(f"{world.root}/{number}", target)) == Done()
        assert world.read_link(f"{world.root}/{number}") == target
        failed(await write_one(transport, MakeLink(f"{world.root}/{number}", "other")), FailureKind.EXISTS)
        assert world.read_link(f"{world.root}/{number}") == target


async def test_a_link_is_not_put_into_a_directory_of_its_name(transport: HostTransport, world: World) -> None:
    world.make_directory(f"{world.root}/directory")
    world.put_link(f"{world.root}/to-directory", "directory")
    for name in ("directory", "to-directory"):
        failed(await write_one(transport, MakeLink(f"{world.root}/{name}", "x")), FailureKind.EXISTS)
    assert world.listing(f"{world.root}/directory") == set()


async def test_a_link_in_a_missing_directory_is_absent(transport: HostTransport, world: World) -> None:
    failed(await write_one(transport, MakeLink(f"{world.root}/none/link", "x")), FailureKind.ABSENT)


async def test_files_links_and_empty_directories_are_removed(transport: HostTransport, world: World) -> None:
    world.put_file(f"{world.root}/file", b"")
    world.make_directory(f"{world.root}/kept")
    world.put_link(f"{world.root}/link", "kept")
    world.put_link(f"{world.root}/dangling", "nothing")
    world.make_directory(f"{world.root}/empty")
    outcomes = await write(transport, *(Remove(f"{world.root}/{n}") for n in ("file", "link", "dangling", "empty")))
    assert [outcome.state for outcome in outcomes] == [CallState.DONE] * 4
    assert world.listing(world.root) == {"kept"}


async def test_removing_nothing_is_absent_and_a_full_directory_exists(transport: HostTransport, world: World) -> None:
    world.make_directory(f"{world.root}/full")
    world.put_file(f"{world.root}/full/file", b"")
    failed(await write_one(transport, Remove(f"{world.root}/none")), FailureKind.ABSENT)
    failed(await write_one(transport, Remove(f"{world.root}/full")), FailureKind.EXISTS)
    assert world.listing(f"{world.root}/full") == {"file"}


async def test_what_another_file_system_is_mounted_on_is_busy(transport: HostTransport, world: World) -> None:
    path = world.small_disk("disk", 1 << 16)
    failed(await write_one(transport, Remove(path)), FailureKind.BUSY)
    assert world.listing(world.root) == {"disk"}


async def test_a_file_is_replaced_only_where_there_is_room_for_a_copy_of_it(
    transport: HostTransport, world: World
) -> None:
    """The copy is what keeps its mode, owner and context."""
    path = f"{world.small_disk('disk', 1 << 16)}/file"
    world.put_file(path, b"o" * 40_000)
    failed(await write_one(transport, WriteFile(path, b"new")), FailureKind.EXHAUSTED)
    assert world.read_file(path) == b"o" * 40_000


async def test_nothing_is_below_a_link_that_leads_round_and_round(transport: HostTransport, world: World) -> None:
    world.put_link(f"{world.root}/loop", "loop")
    failed(await write_one(transport, Remove(f"{world.root}/loop/file")), FailureKind.ABSENT)
    (files,) = await gathered(transport, ReadFiles((f"{world.root}/*",)))
    assert isinstance(files, Files)
    assert [each.failure and each.failure.kind for each in files.entries] == [FailureKind.ABSENT]
