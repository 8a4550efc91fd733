"""Probes and the snapshot they make.

Boundary: knows neither transports nor subjects. A reply that is a failure, or text that does not parse, makes that
fact `Unknown`; it never makes the snapshot fail.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from gpucarve.calls.primitives import Read
from gpucarve.calls.replies import Failure, FailureKind, File, Files, Reply
from gpucarve.model.hosts import Target

F = TypeVar("F")
R = TypeVar("R")


class Unreadable(Exception):
    """Raised by a parse whose replies do not say what they should."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The fact could not be read; checks answer `unknown` and nothing is written on its ground."""

    why: str


@dataclass(frozen=True, slots=True)
class Probe(Generic[F]):
    """What to ask and how to read the answer. `parse` gets the replies in the order of `reads`."""

    name: str
    reads: tuple[Read[Any], ...]
    parse: Callable[[tuple[Reply, ...]], F]


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything gathered from one target at one moment.

    Its repr is its name: asyncio.Runner makes, and drops, one of whatever a run returned, which is thousands of these.
    """

    target: Target
    facts: Mapping[str, object] = field(default_factory=dict, repr=False)

    def get(self, probe: Probe[F]) -> F | Unknown:
        """The fact of `probe`, or why there is none."""
        unknown = Unknown(f"{probe.name} was not gathered")
        return self.facts.get(probe.name, unknown)  # type: ignore[return-value]  # filed under the probe that made it

    def require(self, probe: Probe[F]) -> F:
        """The fact, for callers that have decided what `Unknown` means: raises Unreadable."""
        found = self.get(probe)
        if isinstance(found, Unknown):
            raise Unreadable(found.why)
        return found


def reads_of(probes: Sequence[Probe[Any]]) -> tuple[Read[Any], ...]:
    """All reads of all probes, in order, each once: what to gather in one round trip."""
    return tuple(dict.fromkeys(read for probe in probes for read in probe.reads))


def observe(target: Target, probes: Sequence[Probe[Any]], replies: Sequence[Reply]) -> Observed:
    """Make the snapshot from the replies to `reads_of(probes)`."""
    answers = dict(zip(reads_of(probes), replies, strict=True))
    facts: dict[str, object] = {}
    for probe in probes:
        try:
            facts[probe.name] = probe.parse(tuple(answers[read] for read in probe.reads))
        except Unreadable as error:
            facts[probe.name] = Unknown(str(error))
        except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
            facts[probe.name] = Unknown(f"{probe.name} does not read as expected: {error!r}")
    return Observed(target, facts)


def expect(reply: Reply, kind: type[R]) -> R:
    """The reply as the kind its call promises. Raises Unreadable for a failure."""
    if isinstance(reply, kind):
        return reply
    if isinstance(reply, Failure):
        raise Unreadable(f"{reply.kind.value}: {reply.detail}")
    raise Unreadable(f"expected {kind.__name__}, got {type(reply).__name__}")


def whole(reply: Reply) -> dict[str, File]:
    """The files of a `ReadFiles` by path. Raises Unreadable for one that is there and could not be read whole.

    What vanished between the match and the read, and what is no file, was never there.
    """
    found: dict[str, File] = {}
    for entry in expect(reply, Files).entries:
        if entry.failure is None and not entry.truncated:
            found[entry.path] = entry
        elif entry.failure is None:
            raise Unreadable(f"{entry.path} is longer than anything that belongs there")
        elif entry.failure.kind not in (FailureKind.ABSENT, FailureKind.NOT_REGULAR):
            raise Unreadable(f"{entry.path} cannot be read: {entry.failure.detail or entry.failure.kind.value}")
    return found
