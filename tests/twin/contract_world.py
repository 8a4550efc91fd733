"""The twin as a place of the transports' contract: one machine that a test sets up and looks at from outside.

Its clock runs with real time, for the cases wait in real time too.
"""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

from gpucarve.calls.primitives import Stat
from gpucarve.calls.replies import PathStatus, PathStatuses
from gpucarve.calls.transport import HostTransport
from gpucarve.twin import filesystem, reads
from gpucarve.twin.hosts import SimulatedHost
from gpucarve.twin.machine import Files, Mount
from gpucarve.twin.machine import Script as TwinScript
from gpucarve.twin.nodes import Attribute, Directory, File, Link, Node, Special
from gpucarve.twin.transport import TwinHost
from gpucarve.twin.worlds import SEED_004_HOST, World, seed_004
from tests.transports.contract.world import Script

ROOT = "/srv/scene"


class TwinWorld:
    """Implements the suite's `World`."""

    def __init__(self, world: World) -> None:
        self.root = ROOT
        self._host: SimulatedHost = world.hosts[SEED_004_HOST]
        self._put(ROOT, Directory())

    def _put(self, path: str, node: Node) -> None:
        machine = self._host.machine
        self._host.machine = replace(machine, files=Files({**machine.files.nodes, path: node}))

    def _node(self, path: str) -> Node:
        node = self._host.machine.files.nodes.get(path)
        if node is None:
            raise FileNotFoundError(path)
        return node

    def make_directory(self, path: str, mode: int = 0o755) -> None:
        self._put(path, Directory(mode))

    def put_file(self, path: str, content: bytes, mode: int = 0o644, uid: int = 0, gid: int = 0) -> None:
        self._put(path, File(content, mode, uid, gid))

    def put_link(self, path: str, target: str) -> None:
        self._put(path, Link(target))

    def put_fifo(self, path: str) -> None:
        self._put(path, Special(0o644))

    def remove(self, path: str) -> None:
        self._node(path)
        self._host.machine = filesystem.remove(self._host.machine, path)

    def read_file(self, path: str) -> bytes:
        node = self._node(path)
        assert isinstance(node, File), node
        return node.content

    def read_link(self, path: str) -> str:
        node = self._node(path)
        assert isinstance(node, Link), node
        return node.target

    def status(self, path: str) -> PathStatus | None:
        _, reply, _ = reads.answer(self._host.machine, Stat((path,)), 0.0)
        assert isinstance(reply, PathStatuses)
        return reply.entries[0] if reply.entries else None

    def listing(self, directory: str) -> set[str]:
        below = f"{directory}/"
        names = (path.removeprefix(below) for path in self._host.machine.files.nodes if path.startswith(below))
        return {name.partition("/")[0] for name in names}

    def small_disk(self, name: str, size: int) -> str:
        return self._mount(name, Mount(f"{ROOT}/{name}", capacity=size))

    def read_only_disk(self, name: str) -> str:
        self.put_file(f"{ROOT}/{name}/old", b"old")
        return self._mount(name, Mount(f"{ROOT}/{name}", read_only=True))

    def _mount(self, name: str, mount: Mount) -> str:
        self.make_directory(mount.path)
        self._host.machine = replace(self._host.machine, mounts=(*self._host.machine.mounts, mount))
        return f"{ROOT}/{name}"

    def fixed_attribute(self, name: str, error: str) -> str:
        number: int = getattr(errno, error)
        failing = Attribute(read_error=number) if error == "EIO" else Attribute(write_error=number)
        self._put(f"{ROOT}/{name}", failing)
        return f"{ROOT}/{name}"

    def define_command(self, name: str, script: Script) -> None:
        path = f"/usr/local/bin/{name}"
        known = TwinScript(
            script.save_stdin,
            script.save_argv,
            script.sleep,
            script.touch,
            script.stdout + b"x" * script.flood,
            script.stderr,
            script.signal,
            script.status,
        )
        self._put(path, File(b"#!script\n", 0o755))
        self._host.machine = replace(self._host.machine, scripts={**self._host.machine.scripts, path: known})

    def hold_open(self, path: str) -> tuple[int, tuple[str, ...]]:
        argv = ("tail", "-f", path)
        return self._host.add_process(argv, (path,)), argv

    async def cut(self, transport: HostTransport) -> None:
        assert isinstance(transport, TwinHost)
        transport.drop()

    def kill_program(self) -> None:
        pid = self._host.lock_holder()
        assert pid is not None, "no program holds the lock"
        self._host.end(pid)


@asynccontextmanager
async def twin_world() -> AsyncIterator[tuple[TwinWorld, Callable[[], TwinHost]]]:
    """A fresh world, and what makes a connection to its host."""
    world = seed_004(speed=1.0)
    host = world.hosts[SEED_004_HOST]
    yield TwinWorld(world), lambda: TwinHost(host)
    await host.quiet()
