"""Starting engine processes beside a world that this test hosts, and waiting for their end.

Processes come from a fork server that has the engine loaded already, so that each costs milliseconds.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path

from gpucarve.twin.server import serve
from gpucarve.twin.worlds import World
from tests.story.engine import Errand, main

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.story.engine"])


@asynccontextmanager
async def served(world: World, socket: Path) -> AsyncIterator[None]:
    """The world answers on the socket."""
    task = asyncio.ensure_future(serve(world, socket))
    while not socket.exists():
        await asyncio.sleep(0.001)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait((task,))


def start(errand: Errand) -> BaseProcess:
    """Start an engine."""
    process = _context.Process(target=main, args=(errand,), daemon=True)
    process.start()
    return process


async def ended(process: BaseProcess) -> int:
    """Its exit status; negative for the signal that ended it."""
    while process.exitcode is None:
        await asyncio.sleep(0.002)
    process.join()
    return process.exitcode


async def kill(process: BaseProcess) -> None:
    """SIGKILL it and wait for its end."""
    if process.exitcode is None and process.pid is not None:
        process.kill()
    assert await ended(process) in (0, -signal.SIGKILL)
