"""Errors of the simulated kernel: an errno with the path it is about, and the class of failure it means to a caller.

Boundary: from errno to `Failure`; who raises and who catches is not known here.
"""

from __future__ import annotations

import errno
import os

from gpucarve.calls.replies import Failure, FailureKind

_KINDS = {
    errno.ENOENT: FailureKind.ABSENT,
    errno.ENOTDIR: FailureKind.ABSENT,
    errno.ENODEV: FailureKind.ABSENT,
    errno.EEXIST: FailureKind.EXISTS,
    errno.ENOTEMPTY: FailureKind.EXISTS,
    errno.EBUSY: FailureKind.BUSY,
    errno.ENOSPC: FailureKind.EXHAUSTED,
    errno.EACCES: FailureKind.REFUSED,
    errno.EPERM: FailureKind.REFUSED,
    errno.EROFS: FailureKind.REFUSED,
    errno.EINVAL: FailureKind.INVALID,
    errno.ERANGE: FailureKind.INVALID,
    errno.EISDIR: FailureKind.NOT_REGULAR,
}


class KernelError(Exception):
    """A system call on the simulated machine that failed; `number` is an errno."""

    def __init__(self, number: int, path: str) -> None:
        super().__init__(f"{path}: {os.strerror(number)}")
        self.number = number
        self.path = path

    @property
    def text(self) -> str:
        """The errno's own text, as a tool prints it."""
        return os.strerror(self.number)

    def failure(self) -> Failure:
        """The reply to the call that ran into it."""
        return Failure(_KINDS.get(self.number, FailureKind.OTHER), str(self)[:500])
