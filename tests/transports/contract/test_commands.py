"""Running commands, to look (`Inspect`) and to change (`Run`): how they end, what they say, what they are given."""

from __future__ import annotations

import pytest

from gpucarve.calls.primitives import Inspect, Run
from gpucarve.calls.programs import CallState
from gpucarve.calls.replies import Exited, Failure, FailureKind, PathKind, PathStatus
from gpucarve.calls.secret import Secret
from gpucarve.calls.transport import HostTransport
from tests.transports.contract.asking import failed, gathered, read, write, write_one
from tests.transports.contract.world import Script, World

ARGUMENTS = ("", "with blank", "it's", '"', "new\nline", "*", "$HOME", "`id`", "-n", "--", "\\", "größe", "\udcff", ";")


async def test_a_command_is_answered_with_status_and_both_outputs(transport: HostTransport, world: World) -> None:
    every = bytes(range(256))
    world.define_command("tool", Script(stdout=every, stderr=b"why\n", status=3))
    exited = Exited(3, every, b"why\n")
    assert await read(transport, Inspect(("tool",))) == exited
    assert await write_one(transport, Run(("tool",))) == exited


async def test_arguments_arrive_as_they_were_given(transport: HostTransport, world: World) -> None:
    world.define_command("tool", Script(save_argv=f"{world.root}/argv"))
    await read(transport, Inspect(("tool", *ARGUMENTS)))
    expected = b"".join(argument.encode("utf-8", "surrogateescape") + b"\0" for argument in ARGUMENTS)
    assert world.read_file(f"{world.root}/argv") == expected
    world.remove(f"{world.root}/argv")
    await write_one(transport, Run(("tool", *ARGUMENTS)))
    assert world.read_file(f"{world.root}/argv") == expected


async def test_a_command_that_looks_has_an_empty_stdin(transport: HostTransport, world: World) -> None:
    world.define_command("tool", Script(save_stdin=f"{world.root}/stdin"))
    await read(transport, Inspect(("tool",)))
    assert world.read_file(f"{world.root}/stdin") == b""


@pytest.mark.parametrize(
    "content", [b"", bytes(range(256)), b"-n\n", b"x" * 200_000], ids=["no", "every", "dash", "big"]
)
async def test_stdin_arrives_byte_for_byte(transport: HostTransport, world: World, content: bytes) -> None:
    world.define_command("tool", Script(save_stdin=f"{world.root}/stdin"))
    await read(transport, Inspect(("tool",), stdin=content))
    assert world.read_file(f"{world.root}/stdin") == content
    world.remove(f"{world.root}/stdin")
    for stdin in (content, Secret(content)):
        await write_one(transport, Run(("tool",), stdin=stdin))
        assert world.read_file(f"{world.root}/stdin") == content


async def test_a_command_that_does_not_read_its_stdin_is_no_failure(transport: HostTransport, world: World) -> None:
    world.define_command("tool", Script(stdout=b"done"))
    assert await write_one(transport, Run(("tool",), stdin=b"y" * 200_000)) == Exited(0, b"done")


async def test_a_run_that_exits_with_another_status_than_0_has_failed(transport: HostTransport, world: World) -> None:
    world.define_command("tool", Script(status=1))
    world.define_command("next", Script(touch=f"{world.root}/touched"))
    first, second = await write(transport, Run(("tool",)), Run(("next",)))
    assert (first.state, first.reply) == (CallState.FAILED, Exited(1))
    assert second.state is CallState.NOT_REACHED
    assert world.status(f"{world.root}/touched") is None


@pytest.mark.parametrize("status", [1, 124, 125, 126, 127, 128, 255])
async def test_no_exit_status_is_taken_for_something_else(transport: HostTransport, world: World, status: int) -> None:
    world.define_command("tool", Script(status=status))
    assert await read(transport, Inspect(("tool",))) == Exited(status)


async def test_a_command_past_its_deadline_is_ended_and_reported_as_late(
    transport: HostTransport, world: World
) -> None:
    world.define_command("tool", Script(sleep=20, touch=f"{world.root}/touched"))
    inspected, after = await gathered(transport, Inspect(("tool",), deadline=1), Inspect(("true",)))
    failed(inspected, FailureKind.TIMED_OUT)
    assert after == Exited(0)
    failed(await write_one(transport, Run(("tool",), deadline=1)), FailureKind.TIMED_OUT)
    assert world.status(f"{world.root}/touched") is None


async def test_a_command_that_ignores_being_ended_is_killed(transport: HostTransport, world: World) -> None:
    world.define_command("tool", Script(ignore_term=True, sleep=20))
    failed(await read_failure(transport, Inspect(("tool",), deadline=1)), FailureKind.TIMED_OUT)


@pytest.mark.parametrize("signal", [9, 15, 11])
async def test_a_command_that_a_signal_ends_is_reported_as_killed(
    transport: HostTransport, world: World, signal: int
) -> None:
    world.define_command("tool", Script(stdout=b"half", signal=signal))
    failed(await read_failure(transport, Inspect(("tool",))), FailureKind.KILLED)
    failed(await write_one(transport, Run(("tool",))), FailureKind.KILLED)


async def test_a_command_that_is_not_there_is_absent(transport: HostTransport, world: World) -> None:
    for argv0 in ("no-such-tool", f"{world.root}/none", f"{world.root}/none/none"):
        failed(await read_failure(transport, Inspect((argv0,))), FailureKind.ABSENT)
        failed(await write_one(transport, Run((argv0,))), FailureKind.ABSENT)


async def test_what_is_not_executable_is_refused(transport: HostTransport, world: World) -> None:
    world.put_file(f"{world.root}/plain", b"#!/bin/sh\n", mode=0o644)
    for argv0 in (f"{world.root}/plain", world.root):
        failed(await read_failure(transport, Inspect((argv0,))), FailureKind.REFUSED)


async def test_output_past_the_limit_is_cut_and_says_so(transport: HostTransport, world: World) -> None:
    world.define_command("tool", Script(stdout=b"begin", flood=3_000_000))
    expected = Exited(0, b"begin" + b"x" * 995, truncated=True)
    assert await read(transport, Inspect(("tool",), limit=1000)) == expected
    assert await write_one(transport, Run(("tool",), limit=1000)) == expected
    whole = await read(transport, Inspect(("tool",), limit=4_000_000))
    assert (len(whole.stdout), whole.truncated) == (3_000_005, False)


async def test_output_of_exactly_the_limit_is_whole(transport: HostTransport, world: World) -> None:
    world.define_command("tool", Script(stdout=b"x" * 1000, stderr=b"y" * 1000))
    expected = Exited(0, b"x" * 1000, b"y" * 1000)
    assert await read(transport, Inspect(("tool",), limit=1000)) == expected
    assert await write_one(transport, Run(("tool",), limit=1000)) == expected


async def test_commands_speak_plain_english(transport: HostTransport) -> None:
    printed = await read(transport, Inspect(("env",)))
    assert b"LC_ALL=C\n" in printed.stdout


async def read_failure(transport: HostTransport, call: Inspect) -> Failure:
    """The failure that one read is answered with."""
    (reply,) = await gathered(transport, call)
    assert isinstance(reply, Failure), reply
    return reply


async def test_a_file_that_a_command_makes_has_the_mode_it_has_everywhere(
    transport: HostTransport, world: World
) -> None:
    path = f"{world.root}/touched"
    world.define_command("tool", Script(touch=path))
    await write_one(transport, Run(("tool",)))
    assert world.status(path) == PathStatus(path, PathKind.FILE, 0o644, 0, 0)
