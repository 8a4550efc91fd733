"""A recording put to a twin: the same questions in the same order, and every answer compared.

What was asked of a guest that went away over it is asked of the twin, and not compared: whether an answer still gets
out is luck. What else a boot means for the comparison is `boots`'.

Boundary: no guest is needed; a difference is described here and judged by the tests.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from gpucarve.calls.programs import Refusal, RefusalKind
from gpucarve.calls.transport import HostTransport
from gpucarve.transports.replay import Exchange, Gathered, Ran, Waited
from tests.kernel.alike import boots, normalisers
from tests.kernel.alike.answers import Part, cells, parts
from tests.kernel.alike.differences import DIFFERENCES, Difference
from tests.kernel.alike.portrait import TWIN, world_of
from tests.kernel.alike.recording import Recording
from tests.kernel.alike.steps import Act


@dataclass
class Judgement:
    """What came of it: `different` in words, what made answers equal, and what was asked.

    `explained` and `needed` count the known differences and the normalisers without which answers would differ.
    """

    different: list[str] = field(default_factory=list)
    explained: Counter[str] = field(default_factory=Counter)
    needed: Counter[str] = field(default_factory=Counter)
    cells: Counter[tuple[str, str]] = field(default_factory=Counter)
    distinct: set[str] = field(default_factory=set)


def judge(recording: Recording, known: tuple[Difference, ...] = DIFFERENCES) -> Judgement:
    """Ask a twin of the recording's machine everything."""
    return asyncio.run(_judge(recording, known))


async def _judge(recording: Recording, known: tuple[Difference, ...]) -> Judgement:
    world = world_of(recording.portrait, recording.boots)
    host, transport = world.hosts[TWIN], world.host(TWIN)
    found, reboots = Judgement(), len(recording.boots) > 1
    for event, boot in zip(recording.events, boots.coming(recording.events), strict=True):
        await boots.follow(host, boot)
        if isinstance(event, Act):
            event.twin(host)
        elif not (reboots and boots.amid(host, event)):
            answer = await _ask(transport, event)
            if not (reboots and _lost(event)):
                _compare(found, recording.name, event, answer, known)
    await transport.close()
    return found


def _lost(exchange: Exchange) -> bool:
    return isinstance(exchange.answer, Refusal) and exchange.answer.kind is RefusalKind.LOST


async def _ask(transport: HostTransport, exchange: Exchange) -> Exchange:
    match exchange:
        case Gathered(asked):
            return Gathered(asked, await transport.gather(asked))
        case Waited(patience):
            return Waited(patience, await transport.wait_idle(patience))
        case Ran(program):
            return Ran(program, await transport.run(program))


def _compare(found: Judgement, scene: str, kernel: Exchange, twin: Exchange, known: tuple[Difference, ...]) -> None:
    theirs, ours = parts(kernel), parts(twin)
    for part in theirs:
        found.distinct.add(f"{part.asked!r} -> {sorted(cells(part))}")
        found.cells.update(cells(part))
    if len(theirs) != len(ours):
        found.different.append(f"{scene}: {kernel.asked}\n    twin:   {ours[0].answer}\n    kernel: {theirs[0].answer}")
        return
    for one, other in zip(theirs, ours, strict=True):
        _compare_parts(found, scene, one, other, known)


def _compare_parts(found: Judgement, scene: str, kernel: Part, twin: Part, known: tuple[Difference, ...]) -> None:
    if kernel.answer == twin.answer:
        return
    if normalisers.equal(kernel, twin):
        found.needed.update(normalisers.needed(kernel, twin))
        return
    for difference in known:
        if difference.covers(scene, kernel, twin):
            found.explained[difference.name] += 1
            return
    ours, theirs = (normalisers.applied(each) for each in (twin, kernel))
    text = f"{scene}: {kernel.asked}\n    twin:   {_only(ours, theirs)}\n    kernel: {_only(theirs, ours)}"
    found.different.append(text[:4000])


def _only(one: object, other: object) -> object:
    """What of a long answer is not in the other."""
    entries, others = getattr(one, "entries", None), getattr(other, "entries", ())
    if isinstance(entries, tuple) and isinstance(others, tuple):
        return [each for each in entries if each not in others]
    return one


def summed(judgements: Mapping[str, Judgement]) -> Judgement:
    """All of them as one."""
    whole = Judgement()
    for each in judgements.values():
        whole.different += each.different
        whole.explained += each.explained
        whole.needed += each.needed
        whole.cells += each.cells
        whole.distinct |= each.distinct
    return whole
