"""Recordings: what they hold, what they answer, what they admit not to know."""

from __future__ import annotations

import json
import time

import pytest

from gpucarve.calls.primitives import HostRead, Inspect, ReadFiles, Run, Stat, WriteFile
from gpucarve.calls.programs import (
    Acquire,
    CallOutcome,
    CallState,
    Guarded,
    Hold,
    Lease,
    Program,
    ProgramReply,
    Refusal,
    RefusalKind,
)
from gpucarve.calls.replies import Done, Exited, Failure, File, Files, PathStatuses, Reply
from gpucarve.calls.secret import Secret
from gpucarve.transports.clock import RealClock
from gpucarve.transports.local import LocalTransport
from gpucarve.transports.replay import Gathered, Ran, Recorder, Replay, Waited, dump, load
from tests.transports.contract.asking import program
from tests.transports.contract.namespaces import Namespace

BEFORE, AFTER = (ReadFiles(("/a",)), Files((File("/a", b"\xff\0"),))), (ReadFiles(("/a",)), Files((File("/a", b"2"),)))
LEASE = Lease(7, 3, 30, "recorder", "recorded")
WRITES = (Guarded(WriteFile("/a", b"2")),)
RAN = Ran(
    Program("recorder", "recorded", Hold(7, 30), WRITES), ProgramReply(LEASE, (CallOutcome(CallState.DONE, Done()),))
)


def gathered(*pairs: tuple[HostRead, Reply]) -> Gathered:
    """An exchange of reads."""
    return Gathered(tuple(read for read, _ in pairs), tuple(reply for _, reply in pairs))


async def test_reads_are_answered_as_recorded_alone_or_together() -> None:
    stat = (Stat(("/b",)), PathStatuses())
    replay = Replay(load(dump([gathered(BEFORE, stat)])))
    assert await replay.gather((stat[0],)) == (stat[1],)
    assert await replay.gather((BEFORE[0], stat[0])) == (BEFORE[1], stat[1])
    assert await replay.gather((BEFORE[0],)) == (BEFORE[1],)


async def test_an_unknown_read_is_said_to_be_not_in_the_recording() -> None:
    replay = Replay([gathered(BEFORE)])
    replies = await replay.gather((BEFORE[0], Inspect(("lspci",))))
    assert isinstance(replies, tuple)
    assert replies[0] == BEFORE[1]
    assert isinstance(replies[1], Failure)
    assert "not in the recording" in replies[1].detail
    assert "lspci" in replies[1].detail


async def test_after_a_program_the_answers_are_those_recorded_after_it() -> None:
    replay = Replay([gathered(BEFORE), RAN, gathered(AFTER)])
    assert await replay.gather((BEFORE[0],)) == (BEFORE[1],)
    assert await replay.run(RAN.asked) == RAN.answer
    assert await replay.gather((AFTER[0],)) == (AFTER[1],)


async def test_what_was_only_read_before_a_program_is_unknown_after_it() -> None:
    replay = Replay([gathered(BEFORE), RAN])
    await replay.run(RAN.asked)
    replies = await replay.gather((BEFORE[0],))
    assert isinstance(replies, tuple)
    assert isinstance(replies[0], Failure)


async def test_a_question_asked_twice_is_answered_in_turn() -> None:
    replay = Replay([gathered(BEFORE), gathered(AFTER)])
    assert [await replay.gather((BEFORE[0],)) for _ in range(3)] == [(BEFORE[1],), (AFTER[1],), (AFTER[1],)]


async def test_a_program_is_recognised_whatever_its_holder_run_and_fence() -> None:
    assert await Replay([RAN]).run(Program("other", "again", Hold(99, 30), WRITES)) == RAN.answer


@pytest.mark.parametrize(
    "other",
    [
        Program("recorder", "recorded", Acquire(30), WRITES),
        Program("recorder", "recorded", Hold(7, 30), (Guarded(WriteFile("/a", b"3")),)),
        Program("recorder", "recorded", Hold(7, 30)),
    ],
)
async def test_another_program_is_refused_and_the_recorded_one_stays(other: Program) -> None:
    replay = Replay([RAN])
    refusal = await replay.run(other)
    assert isinstance(refusal, Refusal)
    assert refusal.kind is RefusalKind.UNFIT
    assert await replay.run(RAN.asked) == RAN.answer
    assert isinstance(await replay.run(RAN.asked), Refusal)


async def test_refusals_and_waits_are_replayed_too() -> None:
    lost, locked = Refusal(RefusalKind.LOST, "gone"), Refusal(RefusalKind.LOCKED, "held", LEASE)
    exchanges = load(dump([Gathered((BEFORE[0],), lost), Waited(5.0, locked), Waited(5.0, None)]))
    replay = Replay(exchanges)
    assert await replay.gather((BEFORE[0],)) == lost
    assert [await replay.wait_idle(1) for _ in range(2)] == [locked, None]
    assert isinstance(await replay.wait_idle(1), Refusal)


async def test_waiting_in_a_replay_takes_no_time() -> None:
    clock = Replay(()).clock
    started = time.process_time()
    await clock.sleep(1e6)
    assert await clock.now() == 1e6
    assert time.process_time() - started < 1e6


async def test_a_recording_of_a_host_holds_no_secret_and_answers_the_same(machine: Namespace) -> None:
    recorder = Recorder(LocalTransport(interpreter=(*machine.enter, "sh")))
    asked = program(
        WriteFile(f"{machine.root}/file", Secret(b"hunter2")),
        Run(("cat",), stdin=b"plain"),
        Run(("true",), Secret(b"x")),
    )
    reads = (Stat((f"{machine.root}/*",)), Inspect(("printf", "\\377")))
    said = [await recorder.gather(reads), await recorder.run(asked), await recorder.gather(reads)]
    assert await recorder.wait_idle(0) is None
    text = dump(recorder.exchanges)
    assert "hunter2" not in text
    assert json.loads(text)["format"] == "gpucarve/recording/v1"
    replay = Replay(load(text))
    assert [await replay.gather(reads), await replay.run(asked), await replay.gather(reads)] == said
    assert isinstance(said[1], ProgramReply)
    assert said[1].outcomes[1].reply == Exited(0, b"plain")
    assert isinstance(recorder.clock, RealClock)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"format": "gpucarve/recording/v1"}', '{"format": "gpucarve/recording/v1", "exchanges": [{}]}'],
)
def test_what_is_no_recording_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        load(text)
