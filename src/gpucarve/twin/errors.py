"""Errors of the simulated kernel: an errno with the path it is about, and the class of failure it means to a caller;
and the one for hands from outside that ask for what cannot be.

Boundary: from errno to `Failure`; who raises and who catches is not known here.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from gpucarve.calls.replies import Failure, FailureKind

if TYPE_CHECKING:
    from gpucarve.twin.machine import Machine

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
    errno.ETIME: FailureKind.TIMED_OUT,
}


class Impossible(ValueError):
    """What was asked for from outside cannot be done in this world; the message is for whoever asked."""


def not_regular(path: str) -> KernelError:
    """What a tool that wants a file says of a directory, device or pipe."""
    return KernelError(errno.EISDIR, path, "not a regular file")


class KernelError(Exception):
    """A system call on the simulated machine that failed; `number` is an errno.

    `text` is what a tool prints of it: the errno's own text, unless the tool has a better word.
    """

    def __init__(self, number: int, path: str, text: str = "") -> None:
        self.number = number
        self.path = path
        self.text = text or os.strerror(number)
        super().__init__(f"{path}: {self.text}")

    def failure(self) -> Failure:
        """The reply to the call that ran into it."""
        return Failure(_KINDS.get(self.number, FailureKind.OTHER), str(self)[:500])


class StillHeldError(KernelError):
    """A write that does not return before somebody lets go of a device; `begun` is the machine meanwhile."""

    def __init__(self, path: str, begun: Machine) -> None:
        super().__init__(errno.ETIME, path)
        self.begun = begun
