"""A TCP relay before every host: it holds each piece of data for half of the added round trip, and counts bytes.

The delay is on data alone: the handshake of TCP, which would cost a round trip more on a real line, is the loopback's.
Run as a program with the fleet's description and the seconds each way; it says `ready`, relays until its standard input
ends, then prints the bytes towards each host and from it as JSON.

Boundary: sockets and time; knows nothing of ssh.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_PIECE = 1 << 16


@dataclass
class Traffic:
    """Bytes that went through, by (host's name, towards it or from it)."""

    bytes: Counter[tuple[str, str]] = field(default_factory=Counter)

    def to(self, name: str) -> int:
        """Bytes towards a host."""
        return self.bytes[name, "to"]

    def back(self, name: str) -> int:
        """Bytes that it sent."""
        return self.bytes[name, "from"]


@contextmanager
def relay(fleet: Path, delay: float) -> Iterator[Traffic]:
    """Relay before the fleet described in the file; the counts are there when the context has ended."""
    command = (sys.executable, "-m", "benchmarks.ssh.relay", str(fleet), str(delay))
    traffic = Traffic()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if process.stdout is None or process.stdout.readline() != "ready\n":
            raise RuntimeError("the relay did not start")
        yield traffic
        for name, way, count in json.loads(process.communicate()[0]):
            traffic.bytes[name, way] = count


async def _serve(description: dict[str, Any], delay: float) -> None:
    traffic = Traffic()
    servers = [
        await asyncio.start_server(_Door(host, delay, traffic).accept, host["relay"], host["port"], backlog=64)
        for host in description["hosts"]
    ]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    for server in servers:
        server.close()
    json.dump([[name, way, count] for (name, way), count in traffic.bytes.items()], sys.stdout)


@dataclass(frozen=True)
class _Door:
    host: dict[str, str]
    delay: float
    traffic: Traffic

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        name = self.host["name"]
        there, back = await asyncio.open_connection(self.host["address"], self.host["port"])
        for each in (writer, back):
            each.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.gather(self._pass(reader, back, (name, "to")), self._pass(there, writer, (name, "from")))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: tuple[str, str]) -> None:
        """Every piece, in order, each so much later than it came."""
        loop = asyncio.get_running_loop()
        while piece := await _read(reader):
            self.traffic.bytes[way] += len(piece)
            loop.call_later(self.delay, _write, writer, piece)
        loop.call_later(self.delay, writer.close)


async def _read(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(_PIECE)
    except ConnectionError:
        return b""


def _write(writer: asyncio.StreamWriter, piece: bytes) -> None:
    if not writer.is_closing():
        writer.write(piece)


if __name__ == "__main__":
    asyncio.run(_serve(json.loads(Path(sys.argv[1]).read_text()), float(sys.argv[2])))
