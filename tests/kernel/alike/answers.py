"""An exchange taken apart: each single call with its answer, and the classes that the answer belongs to.

Boundary: which calls, which classes there are follows from `gpucarve.calls`; nothing is compared here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

from gpucarve.calls import predicates
from gpucarve.calls.predicates import Predicate
from gpucarve.calls.primitives import HostRead, HostWrite
from gpucarve.calls.programs import CallOutcome, CallState, Guarded, LeaseChange, ProgramReply, Refusal, RefusalKind
from gpucarve.calls.replies import Exited, Failure, FailureKind, Files, Holders, Links, PathStatuses
from gpucarve.transports.replay import Exchange, Gathered, Ran, Waited

DONE, NOTHING, CUT, STATUS = "done", "nothing there", "truncated", "another status"
GATHER, WAIT = "gather", "wait_idle"

READS = tuple(each.__name__ for each in get_args(HostRead))
WRITES = tuple(each.__name__ for each in get_args(HostWrite))
LEASES = tuple(each.__name__ for each in get_args(LeaseChange))
GUARDS = tuple(each.__name__ for each in get_args(predicates.Predicate))
KINDS = (*READS, *WRITES, *LEASES, GATHER, WAIT, *GUARDS)

_TOLD_BY_REPLY = (CallState.DONE, CallState.FAILED)
STATES = tuple(state.value for state in CallState if state not in _TOLD_BY_REPLY)
FAILURES = tuple(kind.value for kind in FailureKind)
REFUSALS = tuple(kind.value for kind in RefusalKind if kind.value not in FAILURES)
CLASSES = (DONE, NOTHING, CUT, STATUS, *STATES, *FAILURES, *REFUSALS)


@dataclass(frozen=True, slots=True)
class Part:
    """One call of an exchange and its answer; `kind` is a row of the coverage, `asked` what was asked exactly."""

    kind: str
    asked: Any
    answer: Any


def parts(exchange: Exchange) -> list[Part]:
    """Every single call of an exchange. A refused one has one part, for nothing in it was answered."""
    match exchange:
        case Gathered(asked, answer):
            if isinstance(answer, Refusal):
                return [Part(GATHER, asked, answer)]
            return [Part(GATHER, (), None), *_reads(asked, answer)]
        case Waited(asked, answer):
            return [Part(WAIT, asked, answer)]
        case Ran(asked, answer):
            change = type(asked.lease).__name__
            if isinstance(answer, Refusal):
                return [Part(change, asked, answer)]
            return [
                Part(change, asked.lease, answer.lease),
                *_writes(asked.writes, answer),
                *_reads(asked.then_read, answer.reads),
            ]


def _reads(asked: tuple[HostRead, ...], answers: tuple[Any, ...]) -> list[Part]:
    return [Part(type(read).__name__, read, answer) for read, answer in zip(asked, answers, strict=True)]


def _writes(asked: tuple[Guarded, ...], answer: ProgramReply) -> list[Part]:
    pairs = zip(asked, answer.outcomes, strict=True)
    return [Part(type(each.write).__name__, each, outcome) for each, outcome in pairs]


def cells(part: Part) -> Iterator[tuple[str, str]]:
    """The cells of the coverage that a part fills: its own kind with each class, and those of its guard."""
    for name in classes(part.answer):
        yield part.kind, name
    if isinstance(part.asked, Guarded) and isinstance(part.answer, CallOutcome):
        for predicate, name in _guard(part.asked, part.answer):
            yield type(predicate).__name__, name


def _guard(asked: Guarded, outcome: CallOutcome) -> Iterator[tuple[Predicate, str]]:
    match outcome.state:
        case CallState.SKIPPED:
            yield from ((each, CallState.SKIPPED.value) for each in asked.wanted)
        case CallState.STOPPED:
            missed = (each for each in asked.before if outcome.found.startswith(f"{type(each).__name__} "))
            yield from ((each, CallState.STOPPED.value) for each in missed)
        case CallState.DONE | CallState.FAILED:
            yield from ((each, DONE) for each in asked.before)
        case _:
            return


def classes(answer: object) -> set[str]:
    """The classes that an answer belongs to; a list of files belongs to that of each."""
    match answer:
        case Failure(kind) | Refusal(kind):
            return {kind.value}
        case CallOutcome(state, reply):
            return {state.value} if state not in _TOLD_BY_REPLY else classes(reply)
        case Exited(status, truncated=truncated):
            return {STATUS if status else DONE} | ({CUT} if truncated else set())
        case Files(entries) if entries:
            failed = {each.failure.kind.value for each in entries if each.failure}
            cut = {CUT for each in entries if each.truncated}
            return failed | cut | ({DONE} if any(each.failure is None for each in entries) else set())
        case Files() | Links(()) | PathStatuses(()) | Holders(()):
            return {NOTHING}
        case _:
            return {DONE}
