"""Guards: every predicate decides on the host as `predicates.holds` decides from the reply to its probe."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gpucarve.calls.predicates import Absent, AtLeast, Equals, LinksTo, Predicate, Sha256, holds, probe
from gpucarve.calls.primitives import WriteFile
from gpucarve.calls.programs import CallState, Guarded
from gpucarve.calls.transport import HostTransport
from tests.transports.contract.asking import gathered, program, ran, write
from tests.transports.contract.world import World

MIB4 = 4 * 1024 * 1024


def scene(world: World) -> None:
    """Files, links and other things that predicates are asked of."""
    files = {
        "empty": b"",
        "text": b"text",
        "text-line": b"text\n",
        "text-lines": b"text\n\n\n",
        "text-blank": b"text ",
        "two-lines": b"text\nmore\n",
        "leading-line": b"\ntext",
        "nul": b"te\0xt",
        "nul-end": b"text\0",
        "nul-line": b"text\0\n",
        "one": b"te\1xt",
        "umlaut": "größe\n".encode(),
        "broken-utf8": b"\xff\n",
        "seven": b"7\n",
        "zeros": b"0007",
        "zero": b"0\n",
        "minus": b"-7\n",
        "plus": b"+7",
        "blank-seven": b" 7\n",
        "seven-seven": b"7\n7\n",
        "hex": b"0x10\n",
        "huge": b"1" + b"0" * 40,
        "dash": b"-n",
        "bracket": b"(",
        "big": b"7" * MIB4,
        "too-big": b"7" * (MIB4 + 1),
        "too-many-lines": b"text" + b"\n" * (MIB4 + 1),
    }
    for name, content in files.items():
        world.put_file(f"{world.root}/{name}", content)
    world.make_directory(f"{world.root}/directory")
    world.put_fifo(f"{world.root}/fifo")
    for name, target in {"link": "text", "dangling": "none", "loop": "loop", "odd": "it's\n", "ends": "text\n"}.items():
        world.put_link(f"{world.root}/{name}", target)


NAMES = (
    *("empty", "text", "text-line", "text-lines", "text-blank", "two-lines"),
    *("leading-line", "nul", "nul-end", "nul-line", "one", "umlaut"),
    *("broken-utf8", "seven", "zeros", "zero", "minus", "plus"),
    *("blank-seven", "seven-seven", "hex", "huge", "dash", "bracket"),
    *("directory", "fifo", "link", "dangling", "loop", "odd"),
    *("ends", "none", "directory/none", "text/none"),
)
MAKERS: dict[str, list[Callable[[str], Predicate]]] = {
    "equals": [
        lambda path, value=value: Equals(path, value)  # type: ignore[misc]  # a default binds the loop's value
        for value in (
            "",
            "text",
            "text\n",
            "text\n\n",
            "\ntext",
            "text\nmore",
            "größe",
            "7",
            "-n",
            "(",
            "!",
            "te",
            "text ",
        )
    ],
    "absent": [Absent],
    "links-to": [
        lambda path, target=target: LinksTo(path, target)  # type: ignore[misc]  # as above
        for target in ("text", "none", "it's\n", "it's", "text\n", "", "-n")
    ],
    "at-least": [
        lambda path, value=value: AtLeast(path, value)  # type: ignore[misc]  # as above
        for value in (-1, 0, 1, 7, 8, 10**18 - 1)
    ],
    "sha256": [
        lambda path, content=content: Sha256.of(path, content)  # type: ignore[misc]  # as above
        for content in (b"", b"text", b"text\n", b"te\0xt", b"7\n")
    ],
}


@pytest.mark.parametrize("kind", MAKERS)
async def test_a_guard_decides_as_its_probe_does(transport: HostTransport, world: World, kind: str) -> None:
    scene(world)
    predicates = [make(f"{world.root}/{name}") for name in NAMES for make in MAKERS[kind]]
    expected = [
        holds(predicate, reply)
        for predicate, reply in zip(
            predicates, await gathered(transport, *(probe(predicate) for predicate in predicates)), strict=True
        )
    ]
    assert await on_the_host(transport, world, predicates) == expected
    assert any(expected)
    assert not all(expected)


async def test_a_guard_decides_as_its_probe_does_at_the_size_limit(transport: HostTransport, world: World) -> None:
    scene(world)
    predicates: list[Predicate] = []
    for name in ("big", "too-big", "too-many-lines"):
        path = f"{world.root}/{name}"
        content = world.read_file(path)
        predicates += [Sha256.of(path, content), Sha256.of(path, content[: MIB4 + 1]), Sha256.of(path, content[:MIB4])]
        predicates += [Equals(path, "text"), Equals(path, "7")]
    replies = await gathered(transport, *(probe(predicate) for predicate in predicates))
    expected = [holds(predicate, reply) for predicate, reply in zip(predicates, replies, strict=True)]
    assert await on_the_host(transport, world, predicates) == expected


async def on_the_host(transport: HostTransport, world: World, predicates: list[Predicate]) -> list[bool]:
    """What the host finds, told by whether a write guarded by `wanted` is skipped."""
    world.put_file(f"{world.root}/victim", b"")
    guarded = (Guarded(WriteFile(f"{world.root}/victim", b"x"), wanted=(predicate,)) for predicate in predicates)
    reply = await ran(transport, program(*guarded))
    return [outcome.state is CallState.SKIPPED for outcome in reply.outcomes]


async def test_found_as_before_is_done_and_found_as_wanted_is_skipped(transport: HostTransport, world: World) -> None:
    path = f"{world.root}/file"
    world.put_file(path, b"old\n")
    guarded = Guarded(WriteFile(path, b"new\n"), before=(Equals(path, "old"),), wanted=(Equals(path, "new"),))
    first, again = await write(transport, guarded, guarded)
    assert (first.state, again.state) == (CallState.DONE, CallState.SKIPPED)
    assert again.reply is None


async def test_found_as_neither_stops_there_and_changes_nothing(transport: HostTransport, world: World) -> None:
    path = f"{world.root}/file"
    world.put_file(path, b"other\n")
    old = (Absent(f"{world.root}/none"), Equals(path, "old"))
    guarded = Guarded(WriteFile(path, b"new\n"), before=old, wanted=(Equals(path, "new"),))
    first, second, third = await write(
        transport, WriteFile(f"{world.root}/one", b""), guarded, WriteFile(f"{world.root}/three", b"")
    )
    assert (first.state, second.state, third.state) == (CallState.DONE, CallState.STOPPED, CallState.NOT_REACHED)
    assert path in second.found
    assert "Equals" in second.found
    assert world.read_file(path) == b"other\n"
    assert world.listing(world.root) == {"one", "file"}


async def test_all_of_wanted_must_hold_to_skip(transport: HostTransport, world: World) -> None:
    world.put_file(f"{world.root}/a", b"1")
    wanted = (Equals(f"{world.root}/a", "1"), Equals(f"{world.root}/b", "1"))
    outcomes = await write(transport, Guarded(WriteFile(f"{world.root}/b", b"1"), wanted=wanted))
    assert outcomes[0].state is CallState.DONE


async def test_a_guard_sees_what_the_writes_before_it_did(transport: HostTransport, world: World) -> None:
    path = f"{world.root}/file"
    steps = [
        Guarded(WriteFile(path, b"1"), before=(Absent(path),)),
        Guarded(WriteFile(path, b"2"), before=(Equals(path, "1"),)),
        Guarded(WriteFile(path, b"3"), before=(Sha256.of(path, b"2"),)),
    ]
    assert [outcome.state for outcome in await write(transport, *steps)] == [CallState.DONE] * 3
