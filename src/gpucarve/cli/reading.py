"""What a verb is given: the fleet document, a saved plan, the journal, the world.

Boundary: files of the user are opened here, with bounds; what they mean is said elsewhere.
"""

from __future__ import annotations

import asyncio
import json
import resource
import shlex
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gpucarve.app import World, worlds
from gpucarve.app.fleets import Fleet
from gpucarve.cli import documents, places
from gpucarve.cli.documents import bounded
from gpucarve.cli.misuse import Misuse
from gpucarve.errors import PlanError, UnreachableError
from gpucarve.journal.store import Journal
from gpucarve.model.hosts import Target
from gpucarve.plan import codec
from gpucarve.plan.plans import Plan

_LARGEST_PLAN = 64 * 1024 * 1024
_OPEN_FILES = 65536  # a connection each; above that, shells that walk through all they may have get slow
_PATIENCE = 10.0  # seconds for a twin on this machine to accept a connection

fleet = documents.fleet


def plan(file: Path) -> Plan:
    """A saved plan. Raises PlanError, Misuse."""
    hint = "make the plan again with `gpucarve plan --out FILE`"
    text = bounded(file, _LARGEST_PLAN, hint)
    if len(text) > _LARGEST_PLAN:
        raise PlanError(f"{file} holds more than {_LARGEST_PLAN} bytes", hint=hint)
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PlanError(f"{file} is not a plan, or a damaged one: {error}", hint=hint) from error
    return codec.from_data(data)


@contextmanager
def journal(path: Path | None) -> Iterator[Journal]:
    """The journal, made when there is none. Raises JournalError where it cannot be."""
    opened = Journal(path or places.journal())
    try:
        yield opened
    finally:
        opened.close()


def hosts(fleet: Fleet, twin: Path | None, folder: Path) -> World:
    """The world of a document. Raises UnreachableError where no twin listens on the socket that was named."""
    _check_listening(twin)
    return worlds.open_world(fleet, twin, folder)


def host(name: str, twin: Path | None) -> tuple[World, Target]:
    """The world of one host without a document. Raises UnreachableError, Misuse."""
    _check_listening(twin)
    try:
        return worlds.open_host(name, twin)
    except ValueError as error:
        hint = "name it as site/name, as `gpucarve twin serve` told when it began" if twin else ""
        raise Misuse(str(error), hint) from error


def _check_listening(twin: Path | None) -> None:
    """A socket without a twin is told once, and not as the fault of each of its hosts."""
    if twin is None:
        return
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(_PATIENCE)
        try:
            probe.connect(str(twin))
        except OSError as error:
            start = shlex.join(("gpucarve", "twin", "serve", "--socket", str(twin)))
            hint = f"start one with `{start}`; for the real hosts give no --world and unset GPUCARVE_WORLD"
            raise UnreachableError(f"no twin listens on {twin}: {error.strerror or error}", hint=hint) from error


def _may_open_many() -> None:
    """A fleet is looked at all at once; the usual limit of 1,024 open files is for programs that wait with select."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):  # where the system says no, the usual number has to do
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextmanager
def world(opened: World) -> Iterator[asyncio.Runner]:
    """What runs coroutines in a world, which is closed in the end; an interrupt between two is an ordinary one."""
    _may_open_many()
    with asyncio.Runner() as runner:
        try:
            yield runner
        finally:
            runner.run(opened.close())
