"""update-grub: the boot menu made anew from /etc/default/grub and the installed kernels.

Boundary: files in, file out; the texts are `grub`'s.
"""

from __future__ import annotations

from gpucarve.twin import filesystem, grub
from gpucarve.twin.commands.invocation import Invocation, Ran, ran
from gpucarve.twin.errors import KernelError
from gpucarve.twin.machine import Machine
from gpucarve.twin.sight import view

_ROOT = "/etc/fstab"


def update_grub(machine: Machine, _: Invocation) -> Ran:
    """Exit 2 on settings a shell could not read, 1 when the menu cannot be written."""
    sight = view(machine)
    fragments = [path for path, _ in sight.expand(f"{grub.SETTINGS_FOLDER}/*.cfg")]
    texts = [
        sight.file(path).content.decode("utf-8", "replace")
        for path in (grub.SETTINGS, *fragments)
        if sight.exists(path)
    ]
    try:
        variables = grub.settings(texts)
    except ValueError as error:
        return ran(machine, 0.2, stderr=f"/usr/sbin/grub-mkconfig: {grub.SETTINGS}: Syntax error: {error}\n", status=2)
    kernels = sorted((path.removeprefix("/boot/vmlinuz-") for path, _ in sight.expand("/boot/vmlinuz-*")), reverse=True)
    text = grub.menu(variables, kernels, _root(machine))
    try:
        machine = filesystem.write_file(machine, grub.MENU, text.encode(), 0o600)
    except KernelError as error:
        return ran(
            machine, 3.0, stderr=f"/usr/sbin/grub-mkconfig: cannot create {grub.MENU}.new: {error.text}\n", status=1
        )
    found = "".join(
        f"Found linux image: /boot/vmlinuz-{kernel}\nFound initrd image: /boot/initrd.img-{kernel}\n"
        for kernel in kernels
    )
    return ran(machine, 4.0, stderr=f"Generating grub configuration file ...\n{found}done\n")


def _root(machine: Machine) -> str:
    """The root file system's UUID, as /etc/fstab names it."""
    for line in view(machine).file(_ROOT).content.decode().splitlines():
        words = line.split()
        if len(words) > 1 and words[1] == "/":
            return words[0].removeprefix("UUID=")
    return ""
