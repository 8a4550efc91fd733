"""Things put on both machines before they are asked about: nodes, file systems of their own, commands.

The same data makes a script for the guest and a change of the twin's machine. An attribute that refuses is on the guest
a link to one of the kernel's own that refuses so.

Boundary: setting a scene; never through the transport.
"""

from __future__ import annotations

import errno
import shlex
from collections.abc import Mapping
from dataclasses import replace

from gpucarve.twin.hosts import SimulatedHost
from gpucarve.twin.machine import Files, Mount, Script
from gpucarve.twin.nodes import Attribute, Directory, File, Link, Node
from tests.kernel.alike.steps import Act

COMMANDS = "/usr/local/bin"
# What the kernel itself refuses so: (errno of read(2), of write(2)) and the attribute.
_ATTRIBUTES = {
    (errno.EIO, errno.EIO): "/proc/self/mem",
    (errno.EINVAL, 0): "/sys/class/net/lo/speed",
    (0, errno.EINVAL): "/proc/sys/kernel/panic",
    (0, errno.EACCES): "/sys/kernel/uevent_seqnum",
    (0, errno.ENOSPC): "/dev/full",
}


def put(
    what: str, nodes: Mapping[str, Node], mounts: tuple[Mount, ...] = (), scripts: Mapping[str, Script] | None = None
) -> Act:
    """Put all of it there: file systems last, so that a read-only one has what was put in it."""
    scripts = scripts or {}
    lines = [_mount(each) for each in mounts]
    lines += [_node(path, node) for path, node in nodes.items()]
    lines += [_command(path, script) for path, script in scripts.items()]
    lines += [f"mount -o remount,ro {each.path}" for each in mounts if each.read_only]

    def on_twin(twin: SimulatedHost) -> None:
        machine = twin.machine
        programs = {path: File(b"#!script\n", 0o755) for path in scripts}
        folders = {each.path: Directory() for each in mounts}
        twin.machine = replace(
            machine,
            files=Files({**machine.files.nodes, **folders, **nodes, **programs}),
            mounts=(*machine.mounts, *mounts),
            scripts={**machine.scripts, **scripts},
        )

    return Act(what, "\n".join(lines), on_twin)


def _mount(mount: Mount) -> str:
    size = f",size={mount.capacity}" if mount.capacity else ""
    return f"mkdir -p {mount.path}\nmount -t tmpfs -o mode=755{size} none {mount.path}"


def _node(path: str, node: Node) -> str:
    match node:
        case Directory(mode):
            return f"mkdir -p {path}; chmod {mode:o} {path}"
        case Link(target):
            return f"ln -s {shlex.quote(target)} {path}"
        case File(content, mode, uid, gid):
            text = "".join(f"\\{byte:03o}" for byte in content)
            return f"printf %b {shlex.quote(text)} >{path}; chown {uid}:{gid} {path}; chmod {mode:o} {path}"
        case Attribute(read_error=read, write_error=write):
            return f"ln -s {_ATTRIBUTES[read, write]} {path}"
        case _:
            return f"mkfifo -m {node.mode:o} {path}"


def _command(path: str, script: Script) -> str:
    lines = [
        "#!/bin/sh",
        f"cat >{script.save_stdin}" if script.save_stdin else "",
        f"sleep {script.sleep}" if script.sleep else "",
        f"printf %s {shlex.quote(script.stdout.decode())}" if script.stdout else "",
        f"printf %s {shlex.quote(script.stderr.decode())} >&2" if script.stderr else "",
        f"kill -{script.signal} $$" if script.signal else "",
        f"exit {script.status}",
    ]
    return f"cat >{path} <<'TOOL'\n" + "\n".join(filter(None, lines)) + f"\nTOOL\nchmod 755 {path}"
