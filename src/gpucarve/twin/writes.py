"""Carrying out one write call on a machine.

Boundary: one call to one reply; guards, lease and record are `programs`. `Run` is begun and ended apart, because time
passes in between.
"""

from __future__ import annotations

from gpucarve.calls.primitives import Claim, Disown, HostWrite, MakeLink, Remove, Restore, Run, WriteFile, WriteValue
from gpucarve.calls.replies import Done, Exited, Failure
from gpucarve.calls.secret import plain
from gpucarve.twin import attributes, commands, filesystem, keeping
from gpucarve.twin.commands.invocation import Invocation
from gpucarve.twin.errors import KernelError, StillHeldError
from gpucarve.twin.machine import Machine
from gpucarve.twin.reads import inspect

_SECONDS = {"WriteFile": 0.01, "WriteValue": 0.02}  # a synced write; a driver that makes a device


def begin(machine: Machine, write: HostWrite, now: float) -> tuple[Machine, float]:
    """The machine when the call has begun, and how long it will take from there."""
    if isinstance(write, WriteValue) and attributes.waits(machine, write.path, write.value):
        return machine, write.deadline
    if not isinstance(write, Run):
        return machine, _SECONDS.get(type(write).__name__, 0.002)
    invocation = Invocation(write.argv, plain(write.stdin), now)
    begun = commands.begun(machine, invocation)
    return begun, inspect(machine, invocation, write.deadline, write.limit)[2]


def carry_out(machine: Machine, write: HostWrite, now: float) -> tuple[Machine, Done | Exited | Failure]:
    """The machine after the call, and its reply."""
    if isinstance(write, Run):
        invocation = Invocation(write.argv, plain(write.stdin), now)
        return inspect(machine, invocation, write.deadline, write.limit)[:2]
    try:
        return _change(machine, write), Done()
    except StillHeldError as error:
        return error.begun, error.failure()
    except KernelError as error:
        return machine, error.failure()


def _change(machine: Machine, write: WriteFile | WriteValue | MakeLink | Remove | Claim | Restore | Disown) -> Machine:
    match write:
        case WriteFile(path, content, mode):
            return filesystem.write_file(machine, path, plain(content), mode)
        case WriteValue(path, value):
            return attributes.write_value(machine, path, value)
        case MakeLink(path, target):
            return filesystem.make_link(machine, path, target)
        case Remove(path):
            return filesystem.remove(machine, path)
        case Claim():
            return keeping.claim(machine, write)
        case Restore():
            return keeping.restore(machine, write)
        case Disown():
            return keeping.disown(machine, write)
