"""Changing stored files as system calls do: write, link, remove, make a directory.

Boundary: stored files only; /proc, /sys and /dev are derived and refuse. Every function takes a machine and gives the
changed one, or raises KernelError.
"""

from __future__ import annotations

import errno
from dataclasses import replace

from gpucarve.twin.errors import KernelError, not_regular
from gpucarve.twin.machine import Files, Machine, Mount
from gpucarve.twin.nodes import Directory, File, Link, Node
from gpucarve.twin.sight import view

DERIVED = ("/proc", "/sys", "/dev")


def write_file(machine: Machine, path: str, content: bytes, mode: int = 0o644) -> Machine:
    """Replace a file's content, following a link; mode and owner stay, a new file gets `mode` and root."""
    sight = view(machine)
    place = sight.place(path)
    match sight.node(place):
        case File() as file:
            _check_beside(place, path)
            # the new file begins as a copy of the old one, so that it keeps mode, owner and context
            return _put(machine, place, replace(file, content=content), path, len(file.content))
        case None:
            _check_beside(place, path)
            return _put(machine, place, File(content, mode), path)
        case _:
            raise not_regular(path)


def put_file(machine: Machine, path: str, file: File) -> Machine:
    """Put exactly this file there, in place of a file or link that stands there."""
    return _replace(machine, path, file)


def put_link(machine: Machine, path: str, link: Link) -> Machine:
    """Put exactly this link there, in place of a file or link that stands there."""
    return _replace(machine, path, link)


def make_link(machine: Machine, path: str, target: str) -> Machine:
    """symlink(2): EEXIST when anything stands there."""
    sight = view(machine)
    place = sight.place(path, follow=False)
    _check_stored(place, path)
    if sight.node(place) is not None:
        raise KernelError(errno.EEXIST, path)
    return _put(machine, place, Link(target), path)


def make_directories(machine: Machine, path: str, mode: int = 0o755) -> Machine:
    """Like `mkdir -p`: every missing directory on the way gets `mode`."""
    done = ""
    for name in path.strip("/").split("/"):
        done = f"{done}/{name}"
        sight = view(machine)
        place = sight.place(done)
        node = sight.node(place)
        if node is None:
            _check_stored(place, path)
            machine = _put(machine, place, Directory(mode), path)
        elif not isinstance(node, Directory):
            raise KernelError(errno.ENOTDIR, path)
    return machine


def remove(machine: Machine, path: str) -> Machine:
    """Remove a file, a link, or an empty directory; ENOTEMPTY when it is not."""
    sight = view(machine)
    try:
        place = sight.place(path, follow=False)
    except KernelError as error:
        raise KernelError(errno.ENOENT, path) from error  # also below a link that leads round and round
    node = sight.node(place)
    if node is None:
        raise KernelError(errno.ENOENT, path)
    _check_stored(place, path)
    if any(mount.path == place for mount in machine.mounts):
        raise KernelError(errno.EBUSY, path)
    if sight.names(place):
        raise KernelError(errno.ENOTEMPTY, path)
    mount = _mount(machine, place)
    if mount is not None and mount.read_only:
        raise KernelError(errno.EROFS, path)
    nodes = dict(machine.files.nodes)
    del nodes[place]
    return replace(machine, files=Files(nodes))


def remove_tree(machine: Machine, path: str) -> Machine:
    """Remove a directory with everything in it; nothing when it is not there."""
    sight = view(machine)
    place = sight.place(path, follow=False)
    mount = _mount(machine, place)
    if mount is not None and mount.read_only and sight.node(place) is not None:
        raise KernelError(errno.EROFS, path)
    nodes = {
        known: node
        for known, node in machine.files.nodes.items()
        if known != place and not known.startswith(f"{place}/")
    }
    return replace(machine, files=Files(nodes))


def _replace(machine: Machine, path: str, node: Node) -> Machine:
    sight = view(machine)
    place = sight.place(path, follow=False)
    _check_stored(place, path)
    if isinstance(sight.node(place), Directory):
        raise KernelError(errno.EISDIR, path)
    return _put(machine, place, node, path)


def _check_stored(place: str, path: str) -> None:
    if not place or place.startswith(tuple(f"{top}/" for top in DERIVED)) or place in DERIVED:
        raise KernelError(errno.EPERM, path)


def _check_beside(place: str, path: str) -> None:
    """The same for a file that is first made beside its place: to procfs an unknown name is one that is not there."""
    if place.startswith("/proc/"):
        raise KernelError(errno.ENOENT, path)
    _check_stored(place, path)


def _put(machine: Machine, place: str, node: Node, path: str, copied: int = 0) -> Machine:
    """Store it; `copied` bytes are beside it for a while, before its own content."""
    mount = _mount(machine, place)
    if mount is not None and mount.read_only:
        raise KernelError(errno.EROFS, path)
    most = max(copied, len(node.content)) if isinstance(node, File) else 0
    if most and _full(machine, mount, most):
        raise KernelError(errno.ENOSPC, path)
    return replace(machine, files=Files({**machine.files.nodes, place: node}))


def _mount(machine: Machine, place: str) -> Mount | None:
    """The innermost file system of its own that a place is on; None for the root's."""
    over = [mount for mount in machine.mounts if place.startswith(f"{mount.path}/")]
    return max(over, key=lambda mount: len(mount.path), default=None)


def _full(machine: Machine, mount: Mount | None, more: int) -> bool:
    """Whether `more` bytes do not fit beside what is stored: a new version stands beside the old one for a while."""
    if mount is None:
        return machine.ailments.disk_full
    if mount.capacity is None:
        return False
    stored = (
        node
        for place, node in machine.files.nodes.items()
        if place.startswith(f"{mount.path}/") and isinstance(node, File)
    )
    return sum(_blocks(len(file.content)) for file in stored) + _blocks(more) > mount.capacity


def _blocks(size: int) -> int:
    """Bytes that a file of this size takes."""
    return -(-size // 4096) * 4096
