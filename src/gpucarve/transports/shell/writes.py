"""The writes: the shell text that carries each out behind its guard, and its frame as an outcome.

Boundary: text and frames. Contents are spelled into the text as the shell's own printf, so they are in no argv.
"""

from __future__ import annotations

from collections.abc import Sequence

from gpucarve.calls.primitives import (
    Claim,
    Disown,
    HostWrite,
    MakeLink,
    Remove,
    Restore,
    Run,
    WriteFile,
    WriteValue,
)
from gpucarve.calls.programs import CallOutcome, CallState, Guarded
from gpucarve.calls.replies import Done, Exited, Failure, FailureKind
from gpucarve.calls.secret import plain
from gpucarve.transports.shell.failures import failure
from gpucarve.transports.shell.frames import Frame, Part
from gpucarve.transports.shell.guards import all_of
from gpucarve.transports.shell.quoting import printf, word, words
from gpucarve.transports.shell.reads import SIGNALS, ended, seconds

_WORDS = {
    "absent": FailureKind.ABSENT,
    "exists": FailureKind.EXISTS,
    "notregular": FailureKind.NOT_REGULAR,
    "refused": FailureKind.REFUSED,
    "late": FailureKind.TIMED_OUT,
    "other": FailureKind.OTHER,
    "noise": FailureKind.OTHER,
    "errno": None,
    "unrecorded": None,
}


def compile_writes(writes: Sequence[Guarded]) -> str:
    """The text of the writes; `return` in it ends them.

    Files that follow one another take their places together. One whose guard names another of them waits until that one
    is in its place. Paths are compared as they are written: no resource writes one file by two names in one program.
    """
    text = ""
    waiting: set[str] = set()
    for number, guarded in enumerate(writes):
        file = {guarded.write.path} if isinstance(guarded.write, WriteFile) else set()
        guards = {predicate.path for predicate in (*guarded.before, *guarded.wanted)}
        if waiting and (not file or waiting & (file | guards)):
            text += "place || return\n"
            waiting = set()
        waiting |= file
        text += _guarded(number, guarded)
    return text


def _guarded(number: int, guarded: Guarded) -> str:
    """One write behind its guard."""
    content, act = _act(number, guarded.write)
    lines = ["X="] if guarded.wanted or guarded.before else []
    if guarded.wanted:
        lines.append(f"if {all_of(guarded.wanted)}; then mark {number} skipped || return; else")
    if guarded.before:
        lines.append(f"{all_of(guarded.before)} || {{ mark {number} stopped $g; return; }}")
    if content is not None:
        lines.append(f"given() {printf(content)}")
    lines.append(f"{act} || return")
    if guarded.wanted:
        lines.append("fi")
    return "".join(f"{line}\n" for line in lines)


def _act(number: int, write: HostWrite) -> tuple[bytes | None, str]:
    """What is given to the write, and the command that carries it out."""
    match write:
        case Run(argv, stdin, deadline, limit):
            return plain(stdin), f"act_run {number} {limit} {seconds(deadline)} {words(argv)}"
        case WriteFile(path, content, mode):
            return plain(content), f"act_put {number} {word(path)} {mode:o}"
        case WriteValue(path, value, deadline):
            data = value.encode("utf-8", "surrogateescape")
            return data, f"act {number} poke {word(path)} {max(1, len(data))} {seconds(deadline)}"
        case MakeLink(path, target):
            return None, f"act {number} make_link {word(path)} {word(target)}"
        case Remove(path):
            return None, f"act {number} remove_path {word(path)}"
        case Claim(key, record, preserve):
            return record.encode(), f"act {number} claim {word(key)} {words(preserve)}"
        case Restore(key, path):
            return None, f"act {number} restore {word(key)} {word(path)}"
        case Disown(key):
            return None, f"act {number} disown_claim {word(key)}"


def parse_write(guarded: Guarded, frame: Frame) -> CallOutcome:
    """The outcome that a frame tells. Raises ValueError for a frame that tells none."""
    match frame.words[1:]:
        case ("skipped",):
            return CallOutcome(CallState.SKIPPED)
        case ("stopped", held):
            missed = guarded.before[int(held)]
            return CallOutcome(CallState.STOPPED, found=f"{type(missed).__name__} does not hold of {missed.path}")
        case ("done",):
            return CallOutcome(CallState.DONE, Done())
        case (kind, status) if isinstance(guarded.write, Run):
            parts = frame.parts or (Part(b""), Part(b""))
            reply = ended(guarded.write.argv, kind, int(status), parts[0], parts[1])
            good = isinstance(reply, Exited) and reply.status == 0
            return CallOutcome(CallState.DONE if good else CallState.FAILED, reply)
        case ("exited", status) if int(status) in SIGNALS:
            return _failed(Failure(FailureKind.KILLED, f"ended by signal {int(status) - 128}"))
        case ("exited", status):
            return _failed(failure(frame.text() or f"ended with status {status}"))
        case (kind,) if kind in _WORDS:
            return _failed(failure(frame.text() or kind, _WORDS[kind]))
    raise ValueError(f"{' '.join(frame.words)!r} is no outcome of a write")


def _failed(reply: Failure) -> CallOutcome:
    return CallOutcome(CallState.FAILED, reply)
