"""The commands a simulated machine has, one tool a file, and how a name finds its program.

A command is there when a file stands at its path, as on a real host; what it does is in the table by that path.

Boundary: `run` starts a command; which are installed is the machine's data.
"""

from __future__ import annotations

import errno
from dataclasses import replace
from functools import partial

from gpucarve.calls.replies import Exited
from gpucarve.twin.commands.coreutils import env, sync, true, uname
from gpucarve.twin.commands.grep import grep
from gpucarve.twin.commands.grubby import grub2_editenv, grubby
from gpucarve.twin.commands.images import dracut, lsinitramfs, lsinitrd, update_initramfs
from gpucarve.twin.commands.invocation import Command, Invocation, Ran
from gpucarve.twin.commands.lspci import lspci
from gpucarve.twin.commands.mdevctl import mdevctl
from gpucarve.twin.commands.modprobe import modprobe
from gpucarve.twin.commands.nvidia_smi import nvidia_smi
from gpucarve.twin.commands.scripts import run_script
from gpucarve.twin.commands.sh import sh
from gpucarve.twin.commands.sriov_manage import sriov_manage
from gpucarve.twin.commands.systemctl import systemctl
from gpucarve.twin.commands.udevadm import udevadm
from gpucarve.twin.commands.update_grub import update_grub
from gpucarve.twin.errors import KernelError
from gpucarve.twin.machine import Machine
from gpucarve.twin.nodes import File
from gpucarve.twin.sight import view

TABLE: dict[str, Command] = {
    "/usr/lib/nvidia/sriov-manage": sriov_manage,
    "/usr/bin/mdevctl": mdevctl,
    "/usr/bin/nvidia-smi": nvidia_smi,
    "/usr/sbin/update-grub": update_grub,
    "/usr/sbin/grubby": grubby,
    "/usr/bin/grub2-editenv": grub2_editenv,
    "/usr/sbin/update-initramfs": update_initramfs,
    "/usr/bin/lsinitramfs": lsinitramfs,
    "/usr/bin/dracut": dracut,
    "/usr/bin/lsinitrd": lsinitrd,
    "/usr/sbin/modprobe": modprobe,
    "/usr/bin/udevadm": udevadm,
    "/usr/bin/sh": sh,
    "/usr/bin/systemctl": systemctl,
    "/usr/bin/lspci": lspci,
    "/usr/bin/grep": grep,
    "/usr/bin/sync": sync,
    "/usr/bin/true": true,
    "/usr/bin/uname": uname,
    "/usr/bin/env": env,
}
SEARCHED = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")


def run(machine: Machine, invocation: Invocation) -> Ran:
    """Start a command. Raises KernelError with ENOENT or EACCES when there is no such program."""
    name = invocation.argv[0].rpartition("/")[2]
    program = _program(machine, invocation.argv[0])
    left = machine.ailments.failing.get(name, 0)
    if left:
        failing = {**machine.ailments.failing, name: left - 1}
        machine = replace(machine, ailments=replace(machine.ailments, failing=failing))
        return Ran(machine, Exited(1, b"", f"{name}: it failed\n".encode()), 0.1)
    return program(machine, invocation)


def begun(machine: Machine, invocation: Invocation) -> Machine:
    """The machine as the command leaves it when it is stopped before its end."""
    try:
        return run(machine, invocation).begun or machine
    except KernelError:
        return machine


def _program(machine: Machine, name: str) -> Command:
    sight = view(machine)
    candidates = (name,) if "/" in name else tuple(f"{folder}/{name}" for folder in SEARCHED)
    for path in candidates:
        if sight.exists(path):
            place = sight.place(path)
            node = sight.node(place)
            script = machine.scripts.get(place)
            command = TABLE.get(place) if script is None else partial(run_script, script)
            if not isinstance(node, File) or not node.mode & 0o111 or command is None:
                raise KernelError(errno.EACCES, path)
            return command
    raise KernelError(errno.ENOENT, name)
