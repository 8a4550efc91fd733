"""One process at a time works with a journal.

Boundary: a file lock that the kernel gives back when the process dies, however it dies.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gpucarve.errors import LockedError


@contextmanager
def exclusive(journal: Path) -> Iterator[None]:
    """Hold the journal. Raises LockedError when another process has it."""
    journal.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(journal.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            hint = "wait for it to end; `gpucarve status` shows what it does"
            raise LockedError(f"another gpucarve works with {journal}", hint=hint) from error
        yield
    finally:
        os.close(descriptor)
