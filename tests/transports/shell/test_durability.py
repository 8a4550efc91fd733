"""What a power cut may not undo, and what a hang-up may not end.

Commands of the world stand before the real ones and note when they were called; only their order is looked at.
"""

from __future__ import annotations

import asyncio
import os
import signal

from gpucarve.calls import state
from gpucarve.calls.primitives import Claim, Run, WriteFile
from gpucarve.calls.programs import CallState, ProgramReply
from gpucarve.transports.local import LocalTransport
from tests.transports.contract.asking import program, ran
from tests.transports.contract.namespaces import COMMANDS, Namespace
from tests.transports.contract.world import Script


def noted(machine: Namespace, *commands: str) -> str:
    """Have these commands note their arguments, what is in the world and which claims stand; the notes' path."""
    log = f"{machine.root}.log"
    for name in commands:
        script = (
            f'#!/bin/sh\necho "{name} $* ; world" $(ls {machine.root}) "; claims" $(ls {state.CLAIMS} 2>/dev/null)'
            f' >>{log}\nexec /usr/bin/{name} "$@"\n'
        )
        machine.put_file(f"{COMMANDS}/{name}", script.encode(), 0o755)
    return log


async def test_record_and_lease_are_on_the_disk_before_the_first_write(machine: Namespace) -> None:
    log = noted(machine, "sync")
    await ran(LocalTransport(interpreter=(*machine.enter, "sh")), program(WriteFile(f"{machine.root}/file", b"x")))
    notes = machine.read_file(log).decode().splitlines()
    assert notes[:2] == [
        f"sync {state.ROOT}/record.new {state.ROOT}/lease.new ; world ; claims",
        f"sync {state.ROOT} ; world ; claims",
    ]


async def test_copies_are_on_the_disk_before_the_claim_stands_and_the_claim_before_it_is_answered(
    machine: Namespace,
) -> None:
    machine.put_file(f"{machine.root}/file", b"before")
    log = noted(machine, "sync")
    await ran(LocalTransport(interpreter=(*machine.enter, "sh")), program(Claim("key", "1", (f"{machine.root}/file",))))
    notes = machine.read_file(log).decode().splitlines()
    (copies,) = (note for note in notes if "kept/0/content" in note)
    assert copies.endswith("; claims")
    for name in ("record", "kept/0/status", "kept/0/path"):
        assert f"{state.CLAIMS}/.new/{name} " in copies
    assert notes[-1] == f"sync {state.CLAIMS} {state.ROOT} ; world file ; claims key"


async def test_a_file_s_content_is_on_the_disk_before_its_name_is(machine: Namespace) -> None:
    log = noted(machine, "chmod", "sync", "mv")
    path = f"{machine.root}/file"
    await ran(LocalTransport(interpreter=(*machine.enter, "sh")), program(WriteFile(path, b"x")))
    notes = [note for note in machine.read_file(log).decode().splitlines() if machine.root in note.partition(";")[0]]
    assert [note.split()[0] for note in notes] == ["chmod", "sync", "mv", "sync"]
    aside = notes[0].split()[2]
    assert notes[1].startswith(f"sync {aside} ; world ;")
    assert notes[2].startswith(f"mv -f {aside} {path} ;")
    assert notes[3] == f"sync {machine.root}/ ; world file ; claims"


async def test_a_disk_that_does_not_take_the_content_fails_the_write_and_nothing_has_its_name(
    machine: Namespace,
) -> None:
    said = "error syncing: Input/output error"
    for name in ("sync", "dd"):
        failing = (
            f'case "$*" in *{machine.root}/*) echo "{name}: {said}" >&2; exit 1 ;; esac; exec /usr/bin/{name} "$@"'
        )
        machine.put_file(f"{COMMANDS}/{name}", f"#!/bin/sh\n{failing}\n".encode(), 0o755)
    transport = LocalTransport(interpreter=(*machine.enter, "sh"))
    writes = [WriteFile(f"{machine.root}/{name}", b"x") for name in "ab"]
    first, second = (await ran(transport, program(*writes))).outcomes
    assert (first.state, second.state) == (CallState.FAILED, CallState.NOT_REACHED)
    assert said in first.failure().detail
    assert machine.listing(machine.root) == set()


async def test_what_a_killed_program_put_aside_is_gone_with_the_next_write_beside_it(machine: Namespace) -> None:
    machine.put_file(f"{machine.root}/.gpucarve-{'0123456789ab' * 2}-3", b"half")
    machine.put_file(f"{machine.root}/.gpucarve-notes", b"somebody's")
    await ran(LocalTransport(interpreter=(*machine.enter, "sh")), program(WriteFile(f"{machine.root}/file", b"x")))
    assert machine.listing(machine.root) == {".gpucarve-notes", "file"}


async def test_the_names_of_files_written_together_are_on_the_disk_before_anything_else_is_done(
    machine: Namespace,
) -> None:
    log = noted(machine, "mv", "sync", "touch")
    for name in ("it's one", "two"):
        machine.make_directory(f"{machine.root}/{name}")
    writes = [WriteFile(f"{machine.root}/{name}", b"x") for name in ("it's one/a", "it's one/b", "two/c", "it's one/d")]
    done = Run(("touch", f"{machine.root}/two/done"))
    await ran(LocalTransport(interpreter=(*machine.enter, "sh")), program(*writes, done, writes[0]))
    notes = [note for note in machine.read_file(log).decode().splitlines() if machine.root in note.partition(";")[0]]
    one, two = (f"{machine.root}/{name}/" for name in ("it's one", "two"))
    assert [note.split()[0] for note in notes] == ["sync", *["mv"] * 4, "sync", "touch", "sync", "mv", "sync"]
    assert notes[0].count("/.gpucarve-") == 4
    assert notes[5].partition(" ;")[0] == f"sync {one} {two} {one}"
    assert notes[9].partition(" ;")[0] == f"sync {one}"


async def test_what_was_written_before_a_failure_is_on_the_disk_too(machine: Namespace) -> None:
    log = noted(machine, "sync")
    failing = WriteFile(f"{machine.root}/none/file", b"x")
    await ran(
        LocalTransport(interpreter=(*machine.enter, "sh")), program(WriteFile(f"{machine.root}/a", b"x"), failing)
    )
    assert machine.read_file(log).decode().splitlines()[-1].partition(" ;")[0] == f"sync {machine.root}/"


async def test_a_hang_up_ends_neither_program_nor_command(machine: Namespace) -> None:
    machine.define_command("slowly", Script(sleep=0.7, touch=f"{machine.root}/slept"))
    transport = LocalTransport(interpreter=(*machine.enter, "sh"))
    asked = program(Run(("slowly",)), WriteFile(f"{machine.root}/after", b""))
    task = asyncio.create_task(transport.run(asked))
    while machine.status(state.RECORD) is None or b"0 begun" not in machine.read_file(state.RECORD):
        await transport.clock.sleep(0.02)
    record = state.parse_record(machine.read_file(state.RECORD).decode())
    assert record is not None
    os.killpg(record.pid, signal.SIGHUP)
    reply = await task
    assert isinstance(reply, ProgramReply)
    assert reply.complete, reply
    assert machine.listing(machine.root) == {"slept", "after"}


async def test_what_a_killed_program_left_half_claimed_is_not_in_the_next_claim(machine: Namespace) -> None:
    transport = LocalTransport(interpreter=(*machine.enter, "sh"))
    await ran(transport, program(Claim("other", "0")))
    for path in (f"{state.CLAIMS}/.new", f"{state.CLAIMS}/.new/kept", f"{state.CLAIMS}/.new/kept/7"):
        machine.make_directory(path)
    await ran(transport, program(Claim("key", "1")))
    assert machine.listing(state.CLAIMS) == {"other", "key"}
    assert machine.listing(f"{state.CLAIMS}/key/kept") == set()
