"""What a verb is given: the fleet document, a saved plan, the journal, the world.

Boundary: files of the user are opened here, with bounds; what they mean is said elsewhere.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gpucarve import spec
from gpucarve.app import Fleet, World
from gpucarve.cli import places
from gpucarve.cli.misuse import Misuse
from gpucarve.errors import PlanError
from gpucarve.journal.store import Journal
from gpucarve.plan import codec
from gpucarve.plan.plans import Plan
from gpucarve.spec.text import LARGEST

_LARGEST_PLAN = 64 * 1024 * 1024


def fleet(file: str) -> tuple[Fleet, Path]:
    """The document and the folder that its relative paths start from. Raises DocumentError, Misuse."""
    if file == "-":
        text = sys.stdin.buffer.read(LARGEST + 1)
        return Fleet.of(spec.load(text, "<stdin>"), text), Path()
    text = _bytes(Path(file), LARGEST)
    return Fleet.of(spec.load(text, file), text), Path(file).parent


def plan(file: Path) -> Plan:
    """A saved plan. Raises PlanError, Misuse."""
    text = _bytes(file, _LARGEST_PLAN)
    hint = "make the plan again with `gpucarve plan --out FILE`"
    if len(text) > _LARGEST_PLAN:
        raise PlanError(f"{file} holds more than {_LARGEST_PLAN} bytes", hint=hint)
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PlanError(f"{file} is not a plan: {error}", hint=hint) from error
    return codec.from_data(data)


@contextmanager
def journal(path: Path | None) -> Iterator[Journal]:
    """The journal, made when there is none. Raises Misuse where it cannot be."""
    place = path or places.journal()
    try:
        opened = Journal(place)
    except OSError as error:
        raise Misuse(
            f"the journal {place} cannot be opened: {error.strerror}", "name another with --journal"
        ) from error
    try:
        yield opened
    finally:
        opened.close()


@contextmanager
def world(opened: World) -> Iterator[asyncio.Runner]:
    """What runs coroutines in a world, which is closed in the end; an interrupt between two is an ordinary one."""
    with asyncio.Runner() as runner:
        try:
            yield runner
        finally:
            runner.run(opened.close())


def _bytes(path: Path, limit: int) -> bytes:
    """At most one byte more than the limit, so that whoever judges the content sees that it is too long."""
    try:
        with path.open("rb") as file:
            return file.read(limit + 1)
    except OSError as error:
        raise Misuse(f"{path} cannot be read: {error.strerror}") from error
