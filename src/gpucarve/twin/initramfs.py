"""The image that the kernel starts from: modules and configuration as they were when it was made.

It is stored where the tool puts it, as data: the paths in it, with the text of each file of modprobe.d. What stands on
the disk later does not reach it. initramfs-tools takes in the modules that /etc/initramfs-tools/modules names and, with
FRAMEBUFFER=y, the kernel's graphics drivers, and copies modprobe.d and the rules of udev that somebody wrote. dracut
takes in the graphics drivers of the displays there are, and copies /etc/modprobe.d where it is told `hostonly`, other
files where `install_items` names them. Sources: mkinitramfs(8) and the hooks `framebuffer` of initramfs-tools and
`udev` of udev; dracut.conf(5), dracut's modules `drm`, `kernel-modules` and `udev-rules`.

Boundary: files in, a file out; the tools' words are `commands`'.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from gpucarve.twin import filesystem, modules
from gpucarve.twin.machine import Machine
from gpucarve.twin.nodes import File
from gpucarve.twin.sight import view

DRACUT, TOOLS = "dracut", "initramfs-tools"
_SETTINGS = ("/usr/lib/dracut/dracut.conf.d", "/etc/dracut.conf.d")
_ALWAYS = frozenset({"nvme", "ahci", "xhci_pci", "i40e"})
_FOLDERS = {
    "nouveau": "drivers/gpu/drm/nouveau",
    "ast": "drivers/gpu/drm/ast",
    "mgag200": "drivers/gpu/drm/mgag200",
    "nvme": "drivers/nvme/host",
    "ahci": "drivers/ata",
    "xhci_pci": "drivers/usb/host",
    "i40e": "drivers/net/ethernet/intel/i40e",
}
_GRAPHICS = frozenset(name for name, folder in _FOLDERS.items() if "/gpu/" in folder)


@dataclass(frozen=True, slots=True)
class Image:
    """What is in an image: modules, and files of configuration by path without its leading slash."""

    modules: frozenset[str] = frozenset()
    files: Mapping[str, str] = field(default_factory=dict)

    def texts(self, folder: str) -> list[str]:
        """The files of a folder, in the order of their names."""
        return [self.files[path] for path in sorted(self.files) if path.startswith(f"{folder.lstrip('/')}/")]

    def paths(self, kernel: str) -> list[str]:
        """Everything in it, as a tool lists it."""
        inside = (f"{_FOLDERS.get(name, 'updates')}/{name.replace('_', '-')}.ko" for name in self.modules)
        return sorted((*self.files, *(f"usr/lib/modules/{kernel}/kernel/{path}" for path in inside)))


def path(kernel: str, tool: str) -> str:
    """Where a tool puts the image of a kernel."""
    return f"/boot/initramfs-{kernel}.img" if tool == DRACUT else f"/boot/initrd.img-{kernel}"


def started_from(machine: Machine) -> Image:
    """The image that the machine's kernel would start from; an empty one where there is none to be read."""
    for tool in (TOOLS, DRACUT):
        if (found := read(machine, path(machine.hardware.kernel, tool))) is not None:
            return found
    return Image()


def read(machine: Machine, place: str) -> Image | None:
    """The image at a path; None for no file, and an empty one for a file of another form."""
    node = machine.files.nodes.get(place)
    if not isinstance(node, File):
        return None
    try:
        data = json.loads(node.content)
        return Image(frozenset(data["modules"]), dict(data["files"]))
    except (KeyError, TypeError, ValueError):
        return Image()


def make(machine: Machine, kernel: str, tool: str) -> Machine:
    """The machine with this kernel's image made anew. Raises KernelError when there is no room."""
    sight = view(machine)
    wanted = ["/usr/lib/modprobe.d/*.conf"]
    if tool == TOOLS:
        wanted += ["/etc/modprobe.d/*.conf", "/etc/udev/rules.d/*.rules"]
    else:
        wanted += _told_dracut(machine)
    files = {
        found.lstrip("/"): sight.file(found).content.decode("utf-8", "replace")
        for pattern in wanted
        for found, _ in sight.expand(pattern)
        if sight.exists(found)
    }
    inside = sorted(_inside(machine, tool))
    text = json.dumps({"modules": inside, "files": files}, indent=1)
    return filesystem.write_file(machine, path(kernel, tool), text.encode())


def _told_dracut(machine: Machine) -> list[str]:
    """The files that dracut's settings have it copy; a later `hostonly` overrides an earlier one."""
    sight, hostonly, named = view(machine), False, list[str]()
    places = [place for folder in _SETTINGS for place, _ in sight.expand(f"{folder}/*.conf")]
    for place in sorted(places, key=lambda each: each.rpartition("/")[2]):
        text = sight.file(place).content.decode("utf-8", "replace")
        for name, value in re.findall(r'^(hostonly=|install_items\+=)"([^"\n]*)"', text, re.M):
            if name == "hostonly=":
                hostonly = value == "yes"
            else:
                named += value.split()
    return [*(["/etc/modprobe.d/*.conf"] if hostonly else ()), *named]


def _inside(machine: Machine, tool: str) -> frozenset[str]:
    installed, sight = modules.installed(machine.hardware), view(machine)
    wanted = set(_ALWAYS)
    if tool == DRACUT:
        wanted |= _GRAPHICS
    else:
        named = "/etc/initramfs-tools/modules"
        lines = sight.file(named).content.decode("utf-8", "replace").splitlines() if sight.exists(named) else ()
        wanted |= {line.split()[0].replace("-", "_") for line in lines if line.split() and not line.startswith("#")}
        if any(
            b"FRAMEBUFFER=y" in sight.file(each).content for each, _ in sight.expand("/etc/initramfs-tools/conf.d/*")
        ):
            wanted |= _GRAPHICS
    return installed & wanted
