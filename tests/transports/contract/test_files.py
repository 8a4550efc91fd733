"""Reading files, links and statuses: whatever their names and contents, and whatever stands in the way."""

from __future__ import annotations

import pytest

from gpucarve.calls.primitives import FindHolders, ReadFiles, ReadLinks, Stat
from gpucarve.calls.replies import FailureKind, File, Files, Links, PathKind, PathStatus
from gpucarve.calls.transport import HostTransport
from tests.transports.contract.asking import failed, gathered, read
from tests.transports.contract.world import World

AWKWARD = (
    "with blank",
    " leading and trailing ",
    "it's",
    'double"quote',
    "new\nline",
    "trailing newline\n",
    "-n",
    "--help",
    "*",
    "?",
    "[ab]",
    "back\\slash",
    "back\\nslash",
    "$(reboot)",
    "`reboot`",
    "${HOME}",
    "semi;colon&|<>",
    "~",
    "#hash",
    "a -> b",
    "'a' -> 'b",
    "tab\there",
    "\x01\x02\x7f",
    "größe",
    "日本語",
    "\udc81\udc88\udcff",
    "x" * 255,
)
CONTENTS = {
    "empty": b"",
    "newline": b"\n",
    "no-end": b"text",
    "nul": b"a\0b\0",
    "every-byte": bytes(range(256)),
    "backwards": bytes(reversed(range(256))) * 7,
    "looks-like-a-header": b"0123456789abcdef01234567 reads : 3 4\nabc",
    "long-line": b"y" * 60_000,
}


async def test_contents_come_back_byte_for_byte(transport: HostTransport, world: World) -> None:
    for name, content in CONTENTS.items():
        world.put_file(f"{world.root}/{name}", content)
    files = await read(transport, ReadFiles((f"{world.root}/*",)))
    assert {file.path.rpartition("/")[2]: file.content for file in files.entries} == CONTENTS
    assert not any(file.truncated or file.failure for file in files.entries)


async def test_any_name_is_found_by_a_pattern_and_sorted_by_bytes(transport: HostTransport, world: World) -> None:
    for number, name in enumerate(AWKWARD):
        world.put_file(f"{world.root}/{name}", b"%d" % number)
    files = await read(transport, ReadFiles((f"{world.root}/*",)))
    assert {file.path: file.content for file in files.entries} == {
        f"{world.root}/{name}": b"%d" % number for number, name in enumerate(AWKWARD)
    }
    paths = [file.path.encode("utf-8", "surrogateescape") for file in files.entries]
    assert paths == sorted(paths)


@pytest.mark.parametrize("name", [name for name in AWKWARD if not set(name) & set("*?[")])
async def test_any_name_without_pattern_characters_is_read_as_a_literal(
    transport: HostTransport, world: World, name: str
) -> None:
    world.put_file(f"{world.root}/{name}", b"this")
    world.put_file(f"{world.root}/other", b"not this")
    files = await read(transport, ReadFiles((f"{world.root}/{name}",)))
    assert files == Files((File(f"{world.root}/{name}", b"this"),))


async def test_patterns_mean_what_they_mean_in_a_shell(transport: HostTransport, world: World) -> None:
    for name in ("a1", "a2", "b1", "c-", "c^", ".hidden", "]"):
        world.put_file(f"{world.root}/{name}", b"")
    world.make_directory(f"{world.root}/d")
    world.put_file(f"{world.root}/d/a1", b"")
    expected = {
        "a?": {"a1", "a2"},
        "[ab]1": {"a1", "b1"},
        "[!a]1": {"b1"},
        "[a-c]1": {"a1", "b1"},
        "c[-x]": {"c-"},
        "c[x^]": {"c^"},
        "[]]": {"]"},
        ".h*": {".hidden"},
        "*/a1": {"d/a1"},
        "[a": set(),
        "*1": {"a1", "b1"},
    }
    replies = await gathered(transport, *(ReadFiles((f"{world.root}/{pattern}",)) for pattern in expected))
    found = [
        {file.path.removeprefix(f"{world.root}/") for file in reply.entries} if isinstance(reply, Files) else reply
        for reply in replies
    ]
    assert dict(zip(expected, found, strict=True)) == expected


async def test_a_file_that_two_patterns_match_is_there_once(transport: HostTransport, world: World) -> None:
    world.put_file(f"{world.root}/a", b"1")
    files = await read(transport, ReadFiles((f"{world.root}/*", f"{world.root}/a", f"{world.root}/none")))
    assert files == Files((File(f"{world.root}/a", b"1"),))


async def test_a_pattern_without_a_match_adds_nothing(transport: HostTransport, world: World) -> None:
    nothing = f"{world.root}/none/*"
    replies = await gathered(transport, ReadFiles((nothing,)), ReadLinks((nothing,)), Stat((nothing,)))
    assert [getattr(reply, "entries", reply) for reply in replies] == [(), (), ()]


@pytest.mark.parametrize(("size", "truncated"), [(999, False), (1000, False), (1001, True), (300_000, True)])
async def test_a_file_longer_than_the_limit_is_cut_there_and_says_so(
    transport: HostTransport, world: World, size: int, truncated: bool
) -> None:
    world.put_file(f"{world.root}/big", b"z" * size)
    world.put_file(f"{world.root}/small", b"s")
    files = await read(transport, ReadFiles((f"{world.root}/*",), limit=1000))
    big = File(f"{world.root}/big", b"z" * min(size, 1000), truncated=truncated)
    assert files == Files((big, File(f"{world.root}/small", b"s")))


async def test_what_is_no_regular_file_is_named_and_never_opened(transport: HostTransport, world: World) -> None:
    world.make_directory(f"{world.root}/directory")
    world.put_fifo(f"{world.root}/fifo")
    world.put_file(f"{world.root}/file", b"1")
    world.put_link(f"{world.root}/to-file", "file")
    world.put_link(f"{world.root}/to-directory", "directory")
    world.put_link(f"{world.root}/to-nothing", "nothing")
    files = await read(transport, ReadFiles((f"{world.root}/*",)))
    found = {file.path.rpartition("/")[2]: file.failure and file.failure.kind for file in files.entries}
    assert found == {
        "directory": FailureKind.NOT_REGULAR,
        "fifo": FailureKind.NOT_REGULAR,
        "file": None,
        "to-file": None,
        "to-directory": FailureKind.NOT_REGULAR,
        "to-nothing": FailureKind.ABSENT,
    }
    assert files.by_path()[f"{world.root}/to-file"].content == b"1"


async def test_two_thousand_files_come_in_one_gathering(transport: HostTransport, world: World) -> None:
    top = f"{world.root}/{'long' * 20}"  # names of which one argv does not hold all
    world.make_directory(top)
    for directory in range(20):
        world.make_directory(f"{top}/{directory:02}")
        for number in range(100):
            world.put_file(f"{top}/{directory:02}/{number:02}", b"%d %d\n" % (directory, number))
    files = await read(transport, ReadFiles((f"{world.root}/*/*/*",)))
    wanted = {
        f"{top}/{folder:02}/{number:02}": b"%d %d\n" % (folder, number) for folder in range(20) for number in range(100)
    }
    assert {entry.path: entry.content for entry in files.entries} == wanted


async def test_links_tell_their_text_whatever_it_is(transport: HostTransport, world: World) -> None:
    texts = {f"{world.root}/{n}": text for n, text in enumerate((*AWKWARD[:-1], "/absolute", "../..", "x" * 1000))}
    for path, text in texts.items():
        world.put_link(path, text)
    world.put_file(f"{world.root}/no-link", b"")
    links = await read(transport, ReadLinks((f"{world.root}/*",)))
    assert links.by_path() == texts


async def test_links_of_any_name_are_found(transport: HostTransport, world: World) -> None:
    for name in AWKWARD:
        world.put_link(f"{world.root}/{name}", f"to {name}")
    links = await read(transport, ReadLinks((f"{world.root}/*",)))
    assert links.by_path() == {f"{world.root}/{name}": f"to {name}" for name in AWKWARD}
    assert isinstance(links, Links)


async def test_statuses_tell_kind_mode_and_owner_without_following_links(
    transport: HostTransport, world: World
) -> None:
    world.put_file(f"{world.root}/file", b"", mode=0o640, uid=12, gid=34)
    world.put_file(f"{world.root}/setuid", b"", mode=0o4755)
    world.make_directory(f"{world.root}/directory", mode=0o1777)
    world.put_fifo(f"{world.root}/pipe")
    world.put_link(f"{world.root}/link", "nothing")
    statuses = (await read(transport, Stat((f"{world.root}/*",)))).by_path()
    assert statuses[f"{world.root}/file"] == PathStatus(f"{world.root}/file", PathKind.FILE, 0o640, 12, 34)
    assert statuses[f"{world.root}/setuid"].mode == 0o4755
    assert statuses[f"{world.root}/directory"] == PathStatus(
        f"{world.root}/directory", PathKind.DIRECTORY, 0o1777, 0, 0
    )
    assert statuses[f"{world.root}/pipe"].kind is PathKind.SPECIAL
    assert statuses[f"{world.root}/link"].kind is PathKind.LINK


async def test_statuses_are_told_of_any_name(transport: HostTransport, world: World) -> None:
    for name in AWKWARD:
        world.put_file(f"{world.root}/{name}", b"")
    statuses = await read(transport, Stat((f"{world.root}/*",)))
    names = [entry.path.encode("utf-8", "surrogateescape") for entry in statuses.entries]
    assert names == sorted(f"{world.root}/{name}".encode("utf-8", "surrogateescape") for name in AWKWARD)


async def test_who_has_a_path_open_is_found_with_its_argv(transport: HostTransport, world: World) -> None:
    world.make_directory(f"{world.root}/vfio")
    for name in ("12", "13", "free"):
        world.put_file(f"{world.root}/vfio/{name}", b"")
    world.put_file(f"{world.root}/elsewhere", b"")
    first = world.hold_open(f"{world.root}/vfio/12")
    second = world.hold_open(f"{world.root}/vfio/13")
    world.hold_open(f"{world.root}/elsewhere")
    holders = await read(transport, FindHolders((f"{world.root}/vfio/", f"{world.root}/none")))
    assert [(holder.path, holder.pid, holder.argv) for holder in holders.entries] == [
        (f"{world.root}/vfio/12", *first),
        (f"{world.root}/vfio/13", *second),
    ]


async def test_a_holder_of_an_awkward_name_is_found(transport: HostTransport, world: World) -> None:
    world.put_file(f"{world.root}/a -> b'\nc", b"")
    pid, argv = world.hold_open(f"{world.root}/a -> b'\nc")
    holders = await read(transport, FindHolders((f"{world.root}/a ->",)))
    assert [(holder.path, holder.pid, holder.argv) for holder in holders.entries] == [
        (f"{world.root}/a -> b'\nc", pid, argv)
    ]


async def test_nobody_holds_what_is_not_open(transport: HostTransport, world: World) -> None:
    holders = await read(transport, FindHolders((f"{world.root}/",)))
    assert holders.entries == ()


async def test_gathering_nothing_answers_nothing(transport: HostTransport) -> None:
    assert await gathered(transport) == ()


async def test_replies_keep_the_order_of_the_reads(transport: HostTransport, world: World) -> None:
    for number in range(30):
        world.put_file(f"{world.root}/{number}", b"%d" % number)
    replies = await gathered(transport, *(ReadFiles((f"{world.root}/{number}",)) for number in range(30)))
    assert [reply.entries[0].content for reply in replies if isinstance(reply, Files)] == [
        b"%d" % number for number in range(30)
    ]


async def test_gathering_leaves_nothing_on_the_host(transport: HostTransport, world: World) -> None:
    world.put_file(f"{world.root}/a", b"1")
    before = {place: world.listing(place) for place in (world.root, "/run", "/tmp", "/var/lib")}
    await read(transport, ReadFiles((f"{world.root}/*",)))
    assert {place: world.listing(place) for place in before} == before


async def test_a_file_that_cannot_be_read_is_a_failure_of_its_own(transport: HostTransport, world: World) -> None:
    world.put_file(f"{world.root}/good", b"1")
    unreadable = world.fixed_attribute("bad", "EIO")
    files = await read(transport, ReadFiles((f"{world.root}/good", unreadable)))
    assert files.by_path()[f"{world.root}/good"].content == b"1"
    failed(next(file.failure for file in files.entries if file.path == unreadable), FailureKind.OTHER)
