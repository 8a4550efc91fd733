"""What a program does to a host that is not as it should be, or when it does not arrive whole."""

from __future__ import annotations

import asyncio
import os

import pytest

from gpucarve.calls import state
from gpucarve.calls.primitives import Inspect, ReadFiles, Run, WriteFile
from gpucarve.calls.programs import Acquire, Guarded, Hold, Program, ProgramReply, Refusal, RefusalKind
from gpucarve.calls.replies import Exited, Failure, FailureKind
from gpucarve.transports.exchange import Answer
from gpucarve.transports.local import LocalTransport
from gpucarve.transports.shell import compile_gather, compile_program, parse_gather, parse_program, time_for_reads
from tests.transports.contract.asking import program
from tests.transports.contract.namespaces import Namespace
from tests.transports.contract.world import Script
from tests.transports.shell.shells import every_shell, run

NONCE = "0123456789abcdef01234567"


@every_shell
def test_a_program_that_is_cut_off_anywhere_runs_nothing(machine: Namespace, shell: tuple[str, ...]) -> None:
    asked = program(WriteFile(f"{machine.root}/file", b"x\n" * 20), Run(("touch", f"{machine.root}/touched")))
    text = compile_program(asked, NONCE)
    line_ends = [n for n, byte in enumerate(text) if byte == ord("\n")]
    cuts = sorted({0, 1, 2, *line_ends[:-1:5], *line_ends[-12:-1], *range(len(text) - 12, len(text) - 2)})
    for cut in cuts:
        done = run(shell, text[:cut], *machine.enter)
        assert (cut, done.stdout) == (cut, b"")
        assert machine.listing(machine.root) == set()
        assert machine.status(state.ROOT) is None
    assert isinstance(parse_program(asked, NONCE, run(shell, text, *machine.enter).stdout), ProgramReply)
    assert machine.listing(machine.root) == {"file", "touched"}


@every_shell
def test_a_reply_that_is_cut_off_anywhere_is_lost_and_tells_what_was_reported(
    machine: Namespace, shell: tuple[str, ...]
) -> None:
    asked = program(
        WriteFile(f"{machine.root}/file", b"x"),
        Run(("printf", "out")),
        then_read=(ReadFiles((f"{machine.root}/*",)),),
    )
    reply = run(shell, compile_program(asked, NONCE), *machine.enter).stdout
    assert isinstance(parse_program(asked, NONCE, reply), ProgramReply)
    details = []
    for length in range(len(reply)):
        refusal = parse_program(asked, NONCE, reply[:length])
        assert isinstance(refusal, Refusal)
        assert refusal.kind is RefusalKind.LOST
        details.append(refusal.detail)
    assert "reported: none" in details[0]
    assert "0 done, 1 done" in details[-1]
    assert any("reported: 0 done" in detail and "1 done" not in detail for detail in details)


def test_a_gathering_that_is_cut_off_anywhere_is_lost(machine: Namespace) -> None:
    machine.put_file(f"{machine.root}/file", b"content")
    reads = (ReadFiles((f"{machine.root}/*",)), Inspect(("printf", "out")))
    reply = run(("dash",), compile_gather(reads, NONCE), *machine.enter).stdout
    assert isinstance(parse_gather(reads, NONCE, reply), tuple)
    for length in range(len(reply)):
        refusal = parse_gather(reads, NONCE, reply[:length])
        assert isinstance(refusal, Refusal)
        assert refusal.kind is RefusalKind.LOST


def local(machine: Namespace, *before: str) -> LocalTransport:
    """The machine's transport; `before` stands before its shell."""
    return LocalTransport(interpreter=(*machine.enter, *before, "sh"))


@pytest.mark.parametrize("tool", ["flock", "timeout", "sync"])
async def test_a_host_without_a_needed_command_is_unfit_and_it_is_named(machine: Namespace, tool: str) -> None:
    machine.sh(f"mount --bind /dev/null $(command -v {tool})")
    refusal = await local(machine).run(program(WriteFile(f"{machine.root}/file", b""), Run(("true",))))
    assert isinstance(refusal, Refusal)
    assert refusal.kind is RefusalKind.UNFIT
    assert tool in refusal.detail
    assert machine.listing(machine.root) == set()
    assert machine.status(state.ROOT) is None


async def test_a_host_without_room_for_its_state_is_unfit(machine: Namespace) -> None:
    machine.sh("mount -o remount,ro /var/lib")
    refusal = await local(machine).run(program(WriteFile(f"{machine.root}/file", b"")))
    assert isinstance(refusal, Refusal)
    assert refusal.kind is RefusalKind.UNFIT
    assert "Read-only file system" in refusal.detail
    assert machine.listing(machine.root) == set()


async def test_a_full_state_disk_refuses_before_any_write(machine: Namespace) -> None:
    transport = local(machine)
    assert isinstance(await transport.run(program()), ProgramReply)
    before = machine.read_file(state.LEASE)
    machine.sh("mount -o remount,size=16k /var/lib; head -c 100000 /dev/zero >/var/lib/filler || true")
    refusal = await transport.run(
        Program("laptop", "run-2", Hold(1, 30), (Guarded(WriteFile(f"{machine.root}/file", b"")),))
    )
    assert isinstance(refusal, Refusal)
    assert refusal.kind is RefusalKind.UNFIT
    assert machine.listing(machine.root) == set()
    assert machine.read_file(state.LEASE) == before
    assert isinstance(await transport.gather((ReadFiles((state.LEASE,)),)), tuple)


async def test_a_host_without_a_scratch_directory_is_unfit(machine: Namespace) -> None:
    machine.sh("mount -o remount,ro /run && mount -t tmpfs -o ro none /tmp")
    refusal = await local(machine).gather(())
    assert isinstance(refusal, Refusal)
    assert refusal.kind is RefusalKind.UNFIT
    assert "/run" in refusal.detail


async def test_where_run_cannot_be_written_the_scratch_directory_is_in_tmp(machine: Namespace) -> None:
    machine.sh("mount -o remount,ro /run && mount -t tmpfs none /tmp")
    assert await local(machine).gather(()) == ()
    assert machine.listing("/tmp") == set()


async def test_a_user_who_is_not_root_is_told_so(machine: Namespace) -> None:
    transport = local(machine, "setpriv", "--reuid=60001", "--clear-groups")
    refusal = await transport.run(Program("laptop", "run-1", Acquire(30)))
    assert isinstance(refusal, Refusal)
    assert refusal.kind is RefusalKind.NO_PERMISSION
    assert "sudo" in refusal.fix


async def test_what_such_a_user_may_not_read_is_refused_file_by_file(machine: Namespace) -> None:
    machine.put_file(f"{machine.root}/open", b"1")
    machine.put_file(f"{machine.root}/shut", b"2", mode=0o600)
    machine.put_file(f"{machine.root}/it's shut", b"2", mode=0o600)
    transport = local(machine, "setpriv", "--reuid=60001", "--clear-groups")
    replies = await transport.gather((ReadFiles((f"{machine.root}/*",)),))
    assert isinstance(replies, tuple)
    entries = getattr(replies[0], "entries", ())
    assert [(entry.path.rpartition("/")[2], entry.failure and entry.failure.kind) for entry in entries] == [
        ("it's shut", FailureKind.REFUSED),
        ("open", None),
        ("shut", FailureKind.REFUSED),
    ]


async def test_what_the_host_s_shell_complains_of_is_never_passed_over(machine: Namespace) -> None:
    machine.put_file("/usr/local/sbin/wc", b'#!/bin/sh\necho "wc: strange weather" >&2\nexec /usr/bin/wc "$@"\n', 0o755)
    refusal = await local(machine).gather((Inspect(("printf", "out")),))
    assert isinstance(refusal, Refusal)
    assert "strange weather" in refusal.detail


async def test_a_write_that_complains_has_failed(machine: Namespace) -> None:
    machine.define_command("chmod", Script(stderr=b"chmod: strange weather\n"))
    reply = await local(machine).run(program(WriteFile(f"{machine.root}/file", b"")))
    assert isinstance(reply, ProgramReply)
    found = reply.outcomes[0].reply
    assert isinstance(found, Failure)
    assert (found.kind, "strange weather" in found.detail) == (FailureKind.OTHER, True)


async def test_a_program_that_a_newcomer_s_shell_cannot_run_is_unfit() -> None:
    refusal = await LocalTransport(interpreter=("no-such-shell",)).gather(())
    assert isinstance(refusal, Refusal)
    assert refusal.kind is RefusalKind.UNFIT
    assert "no-such-shell" in refusal.detail


async def test_a_shell_of_ours_is_no_part_of_our_terminal_s_session() -> None:
    replies = await LocalTransport().gather((Inspect(("cat", "/proc/self/stat")),))
    assert isinstance(replies, tuple)
    assert isinstance(replies[0], Exited)
    session = int(replies[0].text().rpartition(") ")[2].split()[3])
    assert session != os.getsid(0)


async def test_a_program_that_outlasts_its_time_is_given_up_and_goes_on(machine: Namespace) -> None:
    machine.define_command("slowly", Script(sleep=1.5))
    asked = program(Run(("slowly",)), WriteFile(f"{machine.root}/after", b""))
    transport = local(machine)
    answer = await transport.carry(compile_program(asked, NONCE), 0.5)
    assert isinstance(answer, Answer)
    assert answer.status is None
    refusal = parse_program(asked, NONCE, answer.stdout)
    assert isinstance(refusal, Refusal)
    assert refusal.kind is RefusalKind.LOST
    assert await transport.wait_idle(30) is None
    assert machine.listing(machine.root) == {"after"}


async def test_two_programs_may_make_the_state_directory_at_once(machine: Namespace) -> None:
    slow_mkdir = (
        b'#!/bin/sh\ntrue >>/run/asked\nwhile [ ! -e /run/go ]; do sleep 0.02; done\nexec /usr/bin/mkdir "$@"\n'
    )
    machine.put_file("/usr/local/sbin/mkdir", slow_mkdir, 0o755)
    transport = local(machine)
    first = asyncio.create_task(transport.run(program()))
    while machine.status("/run/asked") is None:
        await transport.clock.sleep(0.02)
    machine.make_directory(state.ROOT, 0o700)
    machine.put_file("/run/go", b"")
    assert isinstance(await first, ProgramReply)


def test_files_are_not_waited_for_one_by_one_and_each_command_for_its_deadline() -> None:
    """A host on which one command hangs for ever is given up, however many files are read along."""
    files, command = ReadFiles(("/x",)), Inspect(("true",), deadline=30.0)
    assert time_for_reads((files,) * 40) == time_for_reads((files,))
    assert time_for_reads((files, command, command)) >= time_for_reads((files,)) + 2 * 30
