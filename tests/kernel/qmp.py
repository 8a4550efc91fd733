"""A small client of QEMU's control socket (QMP): one command, one answer; events are skipped unless waited for.

Source of the protocol: docs/interop/qmp-spec in QEMU.
"""

import json
import socket
from pathlib import Path
from typing import IO, Any


class Refused(Exception):
    """QEMU answered a command with an error; the text is QEMU's."""


class Gone(Exception):
    """QEMU closed the connection; the process has ended or is ending."""


class Qmp:
    """A connection to one QEMU; used by one thread."""

    __slots__ = ("_lines", "_socket")

    def __init__(self, path: Path, timeout: float) -> None:
        """Connect and negotiate. Raises OSError where nothing listens yet; `timeout` is in seconds, per answer."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._lines: IO[bytes] | None = None
        try:
            self._socket.settimeout(timeout)
            self._socket.connect(str(path))
            self._lines = self._socket.makefile("rb")
            self._next()
            self.ask("qmp_capabilities")
        except BaseException:
            self.close()
            raise

    def ask(self, command: str, **arguments: object) -> Any:
        """Run one command and return its value. Raises Refused, or Gone where QEMU went away."""
        try:
            self._socket.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
            while True:
                message = self._next()
                if "error" in message:
                    raise Refused(f"{command}: {message['error']['desc']}")
                if "return" in message:
                    return message["return"]
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Gone(command) from error

    def monitor(self, line: str) -> str:
        """Run one line of the human monitor, whose errors come as text: any text is raised as Refused."""
        text: str = self.ask("human-monitor-command", **{"command-line": line})
        if text.strip():
            raise Refused(f"{line}: {text.strip()}")
        return text

    def wait_for(self, event: str, seconds: float) -> None:
        """Return at the next event of this name. Raises TimeoutError without one, and Gone."""
        before = self._socket.gettimeout()
        self._socket.settimeout(seconds)
        try:
            while self._next().get("event") != event:
                pass
        finally:
            self._socket.settimeout(before)

    def _next(self) -> dict[str, Any]:
        assert self._lines is not None
        line = self._lines.readline()
        if not line:
            raise Gone("QEMU closed its control socket")
        message: dict[str, Any] = json.loads(line)
        return message

    def close(self) -> None:
        """Close the connection; QEMU goes on."""
        if self._lines is not None:
            self._lines.close()
        self._socket.close()
