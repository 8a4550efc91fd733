"""The tools of the initramfs: update-initramfs and lsinitramfs, dracut and lsinitrd.

Boundary: the few words that make images anew and list one; what is in an image is `initramfs`.
"""

from __future__ import annotations

from gpucarve.twin import initramfs
from gpucarve.twin.commands.invocation import Invocation, Ran, ran
from gpucarve.twin.errors import KernelError
from gpucarve.twin.machine import Machine
from gpucarve.twin.sight import view

_MAKING = 12.0  # seconds for one image
_LISTING = 1.5


def update_initramfs(machine: Machine, invocation: Invocation) -> Ran:
    """`-u -k all`, `-u -k VERSION` or `-u`, which means the newest kernel."""
    match invocation.arguments:
        case ("-u", "-k", "all"):
            kernels = _kernels(machine, initramfs.TOOLS)
        case ("-u", "-k", kernel):
            kernels = [kernel]
        case ("-u",):
            kernels = _kernels(machine, initramfs.TOOLS)[:1]
        case _:
            return ran(machine, 0.01, stderr="Usage: update-initramfs {-c|-d|-u} [-k version] [-v] [-b]\n", status=1)
    return _make(machine, kernels, initramfs.TOOLS, "update-initramfs: Generating {}\n")


def dracut(machine: Machine, invocation: Invocation) -> Ran:
    """`--regenerate-all --force`."""
    if set(invocation.arguments) != {"--regenerate-all", "--force"}:
        return ran(machine, 0.1, stderr="dracut: will not override an existing image without --force\n", status=1)
    return _make(machine, _kernels(machine, initramfs.DRACUT) or [machine.hardware.kernel], initramfs.DRACUT, "")


def lsinitramfs(machine: Machine, invocation: Invocation) -> Ran:
    """The paths in the image that is named."""
    for place in invocation.arguments:
        image = initramfs.read(machine, place)
        if image is None:
            return ran(machine, 0.1, stderr=f"lsinitramfs: '{place}' : No such file or directory\n", status=1)
        return ran(machine, _LISTING, "".join(f"{path}\n" for path in (".", *image.paths(machine.hardware.kernel))))
    return ran(machine, 0.01, stderr="Usage: lsinitramfs [-l] initramfs_image\n", status=1)


def lsinitrd(machine: Machine, _: Invocation) -> Ran:
    """The image of the running kernel, as `ls -l` has it."""
    kernel = machine.hardware.kernel
    image = initramfs.read(machine, initramfs.path(kernel, initramfs.DRACUT))
    if image is None:
        return ran(machine, 0.1, stderr="No <initramfs file> specified and the default image is not found\n", status=1)
    lines = (f"-rw-r--r--   1 root     root          512 Jan  1  1970 {path}\n" for path in image.paths(kernel))
    return ran(machine, _LISTING, "".join(("Image: initramfs\n", *lines)))


def _kernels(machine: Machine, tool: str) -> list[str]:
    """The kernels that have an image of this tool, the newest first."""
    before, _, after = initramfs.path("*", tool).partition("*")
    found = (path.removeprefix(before).removesuffix(after) for path, _ in view(machine).expand(f"{before}*{after}"))
    return sorted(found, reverse=True)


def _make(machine: Machine, kernels: list[str], tool: str, said: str) -> Ran:
    out = ""
    for kernel in kernels:
        place = initramfs.path(kernel, tool)
        out += said.format(place)
        try:
            machine = initramfs.make(machine, kernel, tool)
        except KernelError as error:
            return ran(machine, _MAKING, out, f"{place}: {error.text}\n", 1)
    return ran(machine, _MAKING * max(1, len(kernels)), out)
