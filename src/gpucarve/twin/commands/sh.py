"""sh -c: the few scripts that a controller asks, known by their text.

A script is not run word by word: what it finds out is told here in its own output's form, from the same files and the
same tools. That both say the same of a real host is the script's own test.

Boundary: constant scripts of `gpucarve.facts`; any other is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from gpucarve.calls import state
from gpucarve.facts import active_vgpus, bindings, modules
from gpucarve.facts import initramfs as facts
from gpucarve.twin import initramfs
from gpucarve.twin.commands import images
from gpucarve.twin.commands.invocation import Invocation, Ran, ran
from gpucarve.twin.commands.nvidia_smi import nvidia_smi
from gpucarve.twin.machine import Machine
from gpucarve.twin.sight import view

_SHOWN = ("nouveau", "nova_core", "nova_drm", "nvidia", "nvidiafb", "vfio_pci")


def sh(machine: Machine, invocation: Invocation) -> Ran:
    """Exit 127 for a script that is not known."""
    match invocation.arguments:
        case ("-c", text, *_) if text in _SCRIPTS:
            return _SCRIPTS[text](machine, invocation)
        case _:
            return ran(machine, 0.01, stderr="sh: this script is not known here\n", status=127)


def _look(machine: Machine, invocation: Invocation) -> Ran:
    tool = _tool(machine)
    said = f"tool {tool}\n"
    forced = bool(invocation.arguments[4:])
    if not tool or not (forced or _matters(machine)):
        return ran(machine, 0.01, said)
    if tool == initramfs.DRACUT:
        listed = images.lsinitrd(machine, invocation)
    else:
        place = initramfs.path(machine.hardware.kernel, tool)
        listed = images.lsinitramfs(machine, replace(invocation, argv=("lsinitramfs", place)))
        if initramfs.read(machine, place) is None:
            return ran(machine, 0.01, f"{said}listed\n")
    if listed.exited.status:
        return ran(machine, listed.seconds, f"{said}failed\n")
    paths = [line.split()[-1] for line in listed.exited.text().splitlines()]
    names = sorted(path.rpartition("/")[2].partition(".ko")[0].replace("-", "_") for path in paths if ".ko" in path)
    said += "listed\n" + "".join(f"module {name}\n" for name in names if name in _SHOWN)
    said += "carries\n" if modules.BLACKLIST.lstrip("/") in paths else ""
    before, after = bindings.BEFORE.lstrip("/"), bindings.AFTER
    ruled = (path for path in paths if path.startswith(before) and path.endswith(after))
    said += "".join(f"rules {path.removeprefix(before).removesuffix(after)}\n" for path in ruled)
    return ran(machine, listed.seconds, said)


def _tool(machine: Machine) -> str:
    sight = view(machine)
    both = {
        initramfs.TOOLS: ("/usr/sbin/update-initramfs", "/usr/bin/lsinitramfs"),
        initramfs.DRACUT: ("/usr/bin/dracut", "/usr/bin/lsinitrd"),
    }
    return next((tool for tool, paths in both.items() if all(sight.exists(path) for path in paths)), "")


def _matters(machine: Machine) -> bool:
    sight, loaded = view(machine), set(machine.up.devices.modules)
    if not sight.exists(f"{state.CLAIMS}/{modules.BLACKLIST_CLAIM}/record"):
        return bool(loaded & facts.EARLY)
    if not sight.exists(modules.BLACKLIST):
        return True
    lines = sight.file(modules.BLACKLIST).content.decode("utf-8", "replace").splitlines()
    return bool(loaded & {line.removeprefix("blacklist ").replace("-", "_") for line in lines})


def _active_vgpus(machine: Machine, invocation: Invocation) -> Ran:
    if not machine.up.devices.mdevs or not view(machine).exists("/usr/bin/nvidia-smi"):
        return ran(machine, 0.01, "")
    return nvidia_smi(machine, replace(invocation, argv=("nvidia-smi", "vgpu", "-q")))


_SCRIPTS: dict[str, Callable[[Machine, Invocation], Ran]] = {facts.LOOK: _look, active_vgpus.LOOK: _active_vgpus}
