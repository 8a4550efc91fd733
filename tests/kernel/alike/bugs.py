"""Bugs to be planted in the twin, one at a time: that each shows is what proves that the comparison can fail.

Boundary: data, and the patches; each is undone by pytest.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from gpucarve.calls.programs import Hold, Lease, Program
from gpucarve.calls.replies import Exited, Failure, FailureKind, Holders
from gpucarve.calls.state import CLAIMS
from gpucarve.twin import attributes, binding, commands, filesystem, keeping, programs, reads, sysfs, vgpus, writes
from gpucarve.twin.commands.invocation import Invocation, Ran
from gpucarve.twin.errors import KernelError
from gpucarve.twin.machine import Machine
from gpucarve.twin.nodes import File, Link
from gpucarve.twin.sight import view

BARE, FILES, DISKS, FUNCTIONS = "a bare host", "programs and files", "disks and tools", "virtual functions"


@dataclass(frozen=True, slots=True)
class Bug:
    """What is wrong, where it must show, and how it gets there."""

    what: str
    shows_in: str
    plant: Callable[[pytest.MonkeyPatch], None]


def _around(where: Any, name: str, make: Callable[[Any], Callable[..., Any]]) -> Callable[[pytest.MonkeyPatch], None]:
    """Put what `make` makes of a function in its place."""
    return lambda patch: patch.setattr(where, name, make(getattr(where, name)))


def _other_errno(old: int, new: int) -> Callable[[Any], Callable[..., Any]]:
    def make(real: Any) -> Callable[..., Any]:
        def changed(*words: Any) -> Any:
            try:
                return real(*words)
            except KernelError as error:
                raise KernelError(new if error.number == old else error.number, error.path) from error

        return changed

    return make


def _no_error(number: int) -> Callable[[Any], Callable[..., Any]]:
    def make(real: Any) -> Callable[..., Any]:
        def changed(machine: Machine, *words: Any) -> Any:
            try:
                return real(machine, *words)
            except KernelError as error:
                if error.number == number:
                    return machine
                raise

        return changed

    return make


def _probe_forgets(real: Any) -> Callable[..., Any]:
    def changed(machine: Machine, text: str) -> Machine:
        probed: Machine = real(machine, text)
        return binding.override(probed, text.strip(), "")

    return changed


def _takes_a_count(real: Any) -> Callable[..., Any]:
    def changed(machine: Machine, path: str, place: list[str], value: str) -> Machine:
        done: Machine = machine if place[-1] == "sriov_numvfs" else real(machine, path, place, value)
        return done

    return changed


def _always_0(patch: pytest.MonkeyPatch) -> None:
    real = commands.TABLE["/usr/bin/mdevctl"]

    def changed(machine: Machine, invocation: Invocation) -> Ran:
        ran = real(machine, invocation)
        return replace(ran, exited=replace(ran.exited, status=0))

    patch.setitem(commands.TABLE, "/usr/bin/mdevctl", changed)


def _late_has_failed(patch: pytest.MonkeyPatch) -> None:
    real = reads.inspect

    def changed(*words: Any) -> Any:
        machine, reply, seconds = real(*words)
        late = isinstance(reply, Failure) and reply.kind is FailureKind.TIMED_OUT
        return machine, Exited(124) if late else reply, seconds

    patch.setattr(reads, "inspect", changed)
    patch.setattr(writes, "inspect", changed)


def _misses_one(real: Any) -> Callable[..., Any]:
    return lambda *words: Holders(real(*words).entries[1:])


def _never_skips(real: Any) -> Callable[..., Any]:
    return lambda host, guarded: real(host, replace(guarded, wanted=()))


def _any_fence(real: Any) -> Callable[..., Any]:
    def changed(lease: Lease, program: Program) -> Any:
        change = program.lease
        held = replace(program, lease=Hold(lease.fence, change.seconds)) if isinstance(change, Hold) else program
        return real(lease, held)

    return changed


def _last_claim_wins(real: Any) -> Callable[..., Any]:
    def changed(machine: Machine, wanted: Any) -> Machine:
        there = view(machine).exists(f"{CLAIMS}/{wanted.key}/record")
        claimed: Machine = real(keeping.disown(machine, wanted) if there else machine, wanted)
        return claimed

    return changed


def _root_s_own(real: Any) -> Callable[..., Any]:
    return lambda machine, path, file: real(machine, path, File(file.content, file.mode))


def _beat_stands(real: Any) -> Callable[..., Any]:
    def changed(lease: Lease, program: Program) -> Any:
        judged = real(lease, program)
        return replace(judged, beat=lease.beat) if isinstance(judged, Lease) else judged

    return changed


def _any_mode(real: Any) -> Callable[..., Any]:
    return lambda machine, path, content, _mode=0: real(machine, path, content, 0o666)


_TAKEN = _other_errno(errno.ENOSPC, errno.EEXIST)

BUGS: tuple[Bug, ...] = (
    Bug("a taken VF says EEXIST, not ENOSPC", FUNCTIONS, _around(vgpus, "create", _TAKEN)),
    Bug("available_instances never drops", FUNCTIONS, _around(vgpus, "available", lambda _: lambda *_words: 1)),
    Bug("sriov_numvfs takes a count", BARE, _around(attributes, "_attribute", _takes_a_count)),
    Bug("driver_override is gone after a probe", FUNCTIONS, _around(binding, "probe", _probe_forgets)),
    Bug("unbinding what a driver lacks succeeds", FUNCTIONS, _around(binding, "unbind", _no_error(errno.ENODEV))),
    Bug("binding what another has succeeds", FUNCTIONS, _around(binding, "bind", _no_error(errno.EBUSY))),
    Bug("mdevctl always exits 0", BARE, _always_0),
    Bug(
        "an attribute has no line end", BARE, _around(sysfs, "_shown", lambda _: lambda text: File(f"{text}".encode()))
    ),
    Bug("sysfs' links are absolute", BARE, _around(sysfs, "_up", lambda _: lambda _place, target: Link(target))),
    Bug("a new file's mode is another", FILES, _around(filesystem, "write_file", _any_mode)),
    Bug("one who has a device open is missed", FUNCTIONS, _around(reads, "_holders", _misses_one)),
    Bug("a command past its deadline has failed", DISKS, _late_has_failed),
    Bug("what stands as wanted is done all the same", FILES, _around(programs, "_guard", _never_skips)),
    Bug("an older fence is as good", FILES, _around(programs, "judge", _any_fence)),
    Bug("the lease's beat stands still", FILES, _around(programs, "judge", _beat_stands)),
    Bug("the last claim wins", FILES, _around(keeping, "claim", _last_claim_wins)),
    Bug("what is restored belongs to root", FILES, _around(filesystem, "put_file", _root_s_own)),
    Bug("no disk is ever full", FILES, _around(filesystem, "_full", lambda _: lambda *_words: False)),
    Bug("a mount point can be removed", FILES, _around(filesystem, "remove", _no_error(errno.EBUSY))),
    Bug(
        "systemctl enable makes no link", DISKS, _around(filesystem, "make_link", lambda _: lambda machine, *_: machine)
    ),
)
