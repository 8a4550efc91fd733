"""A guest's own folder below the system's temporary one, and the removal of those whose owner died.

A folder is marked by a lock that its process holds for as long as it lives; a folder whose lock is free is a leftover.
"""

import fcntl
import shutil
import tempfile
from pathlib import Path
from typing import IO

_PREFIX = "kernel-bench-"
_LOCK = "owner"


class Workspace:
    """An empty folder (mode 0700) of this process; `remove` it when done."""

    __slots__ = ("_lock", "folder")

    def __init__(self) -> None:
        parent = Path(tempfile.gettempdir())
        _sweep(parent)
        # Made under another name until it is locked, so that nobody sweeps it in between.
        made = Path(tempfile.mkdtemp(prefix=f"new-{_PREFIX}", dir=parent))
        self._lock: IO[bytes] = (made / _LOCK).open("wb")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self.folder = made.rename(parent / made.name.removeprefix("new-"))

    def remove(self) -> None:
        """Remove the folder and all in it; a second call does nothing."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.close()


def _sweep(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*"):
        try:
            with (folder / _LOCK).open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            # In use, gone meanwhile, or another user's.
            continue
