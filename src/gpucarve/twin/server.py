"""A world in a process of its own: requests of any number of clients on a unix socket that only its owner can use.

A client that goes away takes its own waiting with it and nothing else: what it started on a host goes on.

Boundary: sockets and lines; what is answered is the world's.
"""

from __future__ import annotations

import asyncio
import socket
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from gpucarve.calls.programs import Refusal, RefusalKind
from gpucarve.calls.transport import ClusterTransport, HostTransport
from gpucarve.model.hosts import Target
from gpucarve.twin import admin, protocol
from gpucarve.twin.errors import Impossible
from gpucarve.twin.worlds import World


async def serve(world: World, path: Path, listening: Callable[[], None] = lambda: None) -> None:
    """Serve until cancelled; `listening` is called when the socket is there.

    Raises FileExistsError when another world listens there or something else is in the way, OSError when the socket
    cannot be made.
    """
    server = await asyncio.start_unix_server(_client(world), sock=_listen(path), limit=protocol.LONGEST)
    listening()
    try:
        async with server:
            await server.serve_forever()
    finally:
        _remove(path)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


def _listen(path: Path) -> socket.socket:
    """A bound socket of mode 0600; a dead one that is left over makes room."""
    if path.exists() and stat.S_ISSOCK(path.stat().st_mode) and not _answers(path):
        path.unlink()
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        aside = path.with_name(f"{path.name}.new")
        aside.unlink(missing_ok=True)
        listening.bind(str(aside))
        aside.chmod(0o600)
        listening.listen(64)
        if path.exists():
            there = "another twin listens" if stat.S_ISSOCK(path.stat().st_mode) else "something else is"
            raise FileExistsError(f"{there} on {path}")
        aside.rename(path)
    except OSError:
        listening.close()
        raise
    return listening


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(str(path)) == 0


def _client(world: World) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = _Session(world, writer)
        tasks: set[asyncio.Task[None]] = set()
        try:
            while text := await reader.readline():
                task = asyncio.create_task(session.serve(text))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
        except (ConnectionError, ValueError):
            pass  # gone, or a line without an end: nothing more can be understood
        except asyncio.CancelledError:
            pass  # the whole process ends, and asyncio would complain of a handler that says so
        finally:
            for task in tuple(tasks):
                task.cancel()
            writer.close()

    return handle


class _Session:
    """One client: its connections into the world, and its answers."""

    def __init__(self, world: World, writer: asyncio.StreamWriter) -> None:
        self._world = world
        self._writer = writer
        self._hosts: dict[str, HostTransport] = {}
        self._clusters: dict[str, ClusterTransport] = {}

    async def serve(self, text: bytes) -> None:
        """Answer one line."""
        number: Any = None
        try:
            message = protocol.parse(text)
            number = message.get("id")
            reply = await self._answer(str(message["ask"]), str(message.get("target", "")), message.get("body"))
            answer = protocol.line({"id": number, "reply": reply})
        except Impossible as error:
            answer = protocol.line({"id": number, "impossible": str(error)})
        except (ValueError, KeyError, TypeError) as error:
            answer = protocol.line({"id": number, "error": f"{type(error).__name__}: {error}"})
        self._writer.write(answer)
        await self._writer.drain()

    async def _answer(self, verb: str, target: str, body: Any) -> Any:
        if verb in ("gather", "run", "wait_idle") and Target.parse(target) not in self._world.hosts:
            known = ", ".join(map(str, self._world.hosts)) or "none"
            return protocol.encode(Refusal(RefusalKind.UNREACHABLE, f"this world has no host {target}; it has {known}"))
        match verb:
            case "gather":
                return protocol.encode(await self._host(target).gather(protocol.decode(body)))
            case "run":
                return protocol.encode(await self._host(target).run(protocol.decode(body)))
            case "wait_idle":
                return protocol.encode(await self._host(target).wait_idle(float(body)))
            case "cluster":
                return protocol.encode(await self._cluster(target).ask(protocol.decode(body)))
            case "now":
                return self._world.clock.time
            case "sleep":
                return await self._world.clock.sleep(float(body))
            case "close":
                transport = self._hosts.pop(target, None)
                return await transport.close() if transport else None
            case _:
                return admin.answer(self._world, verb, target, body or {})

    def _host(self, target: str) -> HostTransport:
        if target not in self._hosts:
            self._hosts[target] = self._world.host(Target.parse(target))
        return self._hosts[target]

    def _cluster(self, target: str) -> ClusterTransport:
        if target not in self._clusters:
            self._clusters[target] = self._world.cluster(Target.parse(target))
        return self._clusters[target]
