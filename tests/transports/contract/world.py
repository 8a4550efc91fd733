"""What the contract suite needs of the place behind a transport: to set a scene, to look from outside, to break it.

A `World` is one machine that exists for one test. The suite sets it up and inspects it through these methods only,
never through the transport under test. The shell's worlds are mount namespaces of this machine; a twin answers from
its simulated file system, commands and processes. All methods are synchronous but `cut`.

Paths: cases put everything below `root`, an existing empty directory that a shell pattern can name as it is (no blank,
no pattern character), and below `calls.state.ROOT`, which does not exist when a test begins.

Meanings the suite holds every transport to, where the docstrings of `gpucarve.calls` leave room:

- `ReadFiles` has an entry for every match: what is not a regular file is NOT_REGULAR, a dangling link is ABSENT.
- `Lease.beat` grows by one with every program; `Release` leaves fence and beat and clears seconds, holder and run.
- `Release` gives the lease back also when a write failed, and `then_read` is answered all the same.
- The record's lines say `begun`, then `done` or `failed`; a write that did not begin has `skipped` or `stopped` alone.
- A `Hold` or `Release` that is not the holder's, or under another fence, is FENCED.
- An exit status of 129 to 192 is read as death by signal (status - 128).
- Deadlines are kept in whole seconds, rounded up.
- `kept/N/path` and `content` are the bytes alone; `kept/N/status` is one line: `absent`, `link` or `file 644 0 0`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from gpucarve.calls.replies import PathStatus
from gpucarve.calls.transport import HostTransport


@dataclass(frozen=True, slots=True)
class Script:
    """What a command of the world does when it is run, in the order of the fields."""

    ignore_term: bool = False  # SIGTERM does not end it
    save_stdin: str = ""  # store everything read from stdin in this file
    save_argv: str = ""  # store its arguments in this file, each ended by a NUL
    sleep: float = 0.0  # seconds
    touch: str = ""  # create this file
    stdout: bytes = b""
    stderr: bytes = b""
    flood: int = 0  # so many further bytes `x` on stdout
    signal: int = 0  # end by sending itself this signal
    status: int = 0


class World(Protocol):
    """One machine, seen and changed from outside."""

    root: str

    def make_directory(self, path: str, mode: int = 0o755) -> None:
        """Create a directory; its parent exists."""
        ...

    def put_file(self, path: str, content: bytes, mode: int = 0o644, uid: int = 0, gid: int = 0) -> None:
        """Create or replace a regular file."""
        ...

    def put_link(self, path: str, target: str) -> None:
        """Create a symbolic link."""
        ...

    def put_fifo(self, path: str) -> None:
        """Create a named pipe."""
        ...

    def remove(self, path: str) -> None:
        """Remove a file or link."""
        ...

    def read_file(self, path: str) -> bytes:
        """A file's content; raises FileNotFoundError."""
        ...

    def read_link(self, path: str) -> str:
        """A link's text; raises FileNotFoundError."""
        ...

    def status(self, path: str) -> PathStatus | None:
        """What stands at a path, links not followed; None when nothing does."""
        ...

    def listing(self, directory: str) -> set[str]:
        """Names in a directory, hidden ones too."""
        ...

    def small_disk(self, name: str, size: int) -> str:
        """A new directory `root/name` on a file system that holds about `size` bytes (a multiple of 64 KiB)."""
        ...

    def read_only_disk(self, name: str) -> str:
        """A new directory `root/name` on a read-only file system that holds one file `old` with `old`."""
        ...

    def fixed_attribute(self, name: str, error: str) -> str:
        """An attribute as the kernel's are: its write(2) fails with EINVAL, ENOSPC or EACCES, or its read(2) with EIO.

        Raises NotImplementedError for an error that this world cannot produce.
        """
        ...

    def define_command(self, name: str, script: Script) -> None:
        """Put a command on the PATH of the machine."""
        ...

    def hold_open(self, path: str) -> tuple[int, tuple[str, ...]]:
        """Start a process that has an existing file open until the test ends; its id and argv."""
        ...

    async def cut(self, transport: HostTransport) -> None:
        """Break the connection of `transport` under a program that is running on it; the program goes on."""
        ...

    def kill_program(self) -> None:
        """SIGKILL the shell (or what stands for it) of the program that holds the host's lock, not its children."""
        ...
