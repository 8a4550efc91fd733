"""What gpucarve keeps on a machine, read and written there: lease, record, claims.

The layout is `gpucarve.calls.state`'s, byte for byte as every transport writes it.

Boundary: files to values and back on a machine; who may write when is `programs`.
"""

from __future__ import annotations

import errno
from dataclasses import replace

from gpucarve.calls.primitives import Claim, Disown, Restore
from gpucarve.calls.programs import Lease
from gpucarve.calls.state import CLAIMS, LEASE, LOCK, RECORD, ROOT, Record, lease_text, parse_lease, parse_record
from gpucarve.twin import filesystem
from gpucarve.twin.errors import KernelError, not_regular
from gpucarve.twin.machine import Machine
from gpucarve.twin.nodes import Directory, File, Link, raw, shown
from gpucarve.twin.sight import view

_PRIVATE = 0o600
_PRIVATE_FOLDER = 0o700


def prepare(machine: Machine) -> Machine:
    """The folder and the lock file. Raises KernelError when they cannot be made."""
    if not view(machine).exists(ROOT.rpartition("/")[0]):
        raise KernelError(errno.ENOENT, ROOT)
    machine = _folder(machine, ROOT)
    if not view(machine).exists(LOCK):
        machine = filesystem.put_file(machine, LOCK, File(b"", _PRIVATE))
    return machine


def _folder(machine: Machine, path: str) -> Machine:
    return filesystem.make_directories(machine, path, _PRIVATE_FOLDER)


def lease(machine: Machine) -> Lease:
    """The lease; a new one where none was written. Raises ValueError when the file holds something else."""
    try:
        text = view(machine).file(LEASE).content.decode("utf-8", "replace")
    except KernelError:
        return Lease()
    held = parse_lease(text)
    if text and text != lease_text(held):
        raise ValueError(f"{LEASE} does not hold a lease: {text[:80]!r}")
    return held


def write_lease(machine: Machine, held: Lease) -> Machine:
    """Put the lease there."""
    return filesystem.put_file(machine, LEASE, File(lease_text(held).encode(), _PRIVATE))


def record(machine: Machine) -> Record | None:
    """The record of the program that ran last; None where there is none."""
    try:
        return parse_record(view(machine).file(RECORD).content.decode("utf-8", "replace"))
    except KernelError:
        return None


def write_record(machine: Machine, text: str) -> Machine:
    """Put the record there."""
    return filesystem.put_file(machine, RECORD, File(text.encode(), _PRIVATE))


def claim(machine: Machine, wanted: Claim) -> Machine:
    """Keep the record and the copies, unless the key is claimed already."""
    home = f"{CLAIMS}/{wanted.key}"
    if view(machine).exists(f"{home}/record"):
        return machine
    before = machine
    machine = filesystem.remove_tree(machine, home) if view(machine).exists(CLAIMS) else machine
    machine = _folder(machine, f"{home}/kept")
    for number, path in enumerate(wanted.preserve):
        machine = _keep(machine, before, f"{home}/kept/{number}", path)
    return filesystem.put_file(machine, f"{home}/record", File(raw(wanted.record), _PRIVATE))


def _keep(machine: Machine, before: Machine, folder: str, path: str) -> Machine:
    machine = _folder(machine, folder)
    status, content = _as_it_stands(before, path)
    machine = filesystem.put_file(machine, f"{folder}/path", File(raw(path), _PRIVATE))
    if content is not None:
        machine = filesystem.put_file(machine, f"{folder}/content", File(content, _PRIVATE))
    return filesystem.put_file(machine, f"{folder}/status", File(f"{status}\n".encode(), _PRIVATE))


def _as_it_stands(machine: Machine, path: str) -> tuple[str, bytes | None]:
    sight = view(machine)
    try:
        node = sight.node(sight.place(path, follow=False))
    except KernelError:
        node = None
    match node:
        case None:
            return "absent", None
        case File(content, mode, uid, gid):
            return f"file {mode:o} {uid} {gid}", content
        case Link(target):
            return "link", raw(target)
        case _:
            raise not_regular(path)


def restore(machine: Machine, wanted: Restore) -> Machine:
    """Put the path back as it was kept. ENOENT without that copy."""
    sight = view(machine)
    for known, place in sight.expand(f"{CLAIMS}/{wanted.key}/kept/*/path"):
        if sight.file(place).content == raw(wanted.path):
            return _put_back(machine, known.removesuffix("/path"), wanted.path)
    raise KernelError(errno.ENOENT, f"{CLAIMS}/{wanted.key}: no copy of {wanted.path}")


def _put_back(machine: Machine, folder: str, path: str) -> Machine:
    sight = view(machine)
    status = sight.file(f"{folder}/status").content.decode().split()
    match status:
        case ["absent"]:
            return _put_nothing(machine, path)
        case ["file", mode, uid, gid]:
            content = sight.file(f"{folder}/content").content
            return filesystem.put_file(machine, path, File(content, int(mode, 8), int(uid), int(gid)))
        case ["link"]:
            target = shown(sight.file(f"{folder}/content").content)
            return filesystem.put_link(machine, path, Link(target))
        case _:
            raise KernelError(errno.EIO, f"{folder}/status", "cannot be read")


def _put_nothing(machine: Machine, path: str) -> Machine:
    sight = view(machine)
    try:
        node = sight.node(sight.place(path, follow=False))
    except KernelError:
        node = None
    if node is None:
        return machine
    if isinstance(node, Directory):
        raise KernelError(errno.EISDIR, path)
    return filesystem.remove(machine, path)


def disown(machine: Machine, wanted: Disown) -> Machine:
    """Forget the claim with its copies."""
    return filesystem.remove_tree(machine, f"{CLAIMS}/{wanted.key}") if view(machine).exists(CLAIMS) else machine


def locked_by(machine: Machine) -> int | None:
    """The id of the process that holds the lock."""
    return next((process.pid for process in machine.up.processes.entries if LOCK in process.locks), None)


def hold_lock(machine: Machine, pid: int) -> Machine:
    """This process now holds the lock."""
    processes = machine.up.processes
    entries = tuple(
        replace(process, open=(*process.open, LOCK), locks=(*process.locks, LOCK)) if process.pid == pid else process
        for process in processes.entries
    )
    return machine.with_processes(replace(processes, entries=entries))
