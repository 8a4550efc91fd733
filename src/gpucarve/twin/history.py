"""What programs did to a host, in the words of somebody who would have done it by hand.

What gpucarve keeps for itself (claims, leases, records) is left out: a person would not have done it.

Boundary: one write to one line; who keeps the lines is `hosts`. Contents of files are not told, for they may be secret.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from enum import Enum

from gpucarve.calls import state
from gpucarve.calls.primitives import Claim, Disown, HostWrite, MakeLink, Remove, Restore, Run, WriteFile, WriteValue

_OWN = (f"{state.ROOT}/", "/run/gpucarve")


class Kind(Enum):
    """What was done; the values are for people."""

    COMMAND = "command"
    FILE = "file"
    VALUE = "sysfs value"
    REBOOT = "reboot"


@dataclass(frozen=True, slots=True)
class Deed:
    """One change at `time`, in seconds since the world began."""

    time: float
    kind: Kind
    text: str


def deed(write: HostWrite, time: float) -> Deed | None:
    """What a write that went through was; None for bookkeeping."""
    match write:
        case Run(argv):
            rebooting = argv[-1:] == ("reboot",)
            return Deed(time, Kind.REBOOT if rebooting else Kind.COMMAND, shlex.join(argv))
        case WriteValue(path, value):
            return Deed(time, Kind.VALUE, f"echo {shlex.quote(value)} > {path}")
        case WriteFile(path):
            return _file(time, path, f"write {path}")
        case MakeLink(path, target):
            return _file(time, path, f"ln -s {shlex.quote(target)} {path}")
        case Remove(path):
            return _file(time, path, f"rm {path}")
        case Restore(path=path):
            return _file(time, path, f"put back {path}")
        case Claim() | Disown():
            return None


def _file(time: float, path: str, text: str) -> Deed | None:
    return None if path.startswith(_OWN) else Deed(time, Kind.FILE, text)
