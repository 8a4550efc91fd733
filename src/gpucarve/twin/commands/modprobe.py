"""modprobe: a module loaded by its name.

Boundary: `modprobe [-q] [-b] NAME…`, after modprobe(8); what loading does is `modules`'.
"""

from __future__ import annotations

from gpucarve.twin import modules, udev_rules
from gpucarve.twin.commands.invocation import Invocation, Ran, ran
from gpucarve.twin.machine import Machine

_BLACKLISTED = ("-b", "--use-blacklist")
_FOLDERS = tuple(f"{above}/modprobe.d" for above in ("/etc", "/run", "/usr/local/lib", "/usr/lib"))


def modprobe(machine: Machine, invocation: Invocation) -> Ran:
    """Exit 1 for a module that there is not, or that a file forbids; a blacklist counts with -b alone."""
    options = [word for word in invocation.arguments if word.startswith("-")]
    forbidden = modules.forbidden(udev_rules.texts(machine, *_FOLDERS))
    for word in invocation.arguments:
        name = word.replace("-", "_")
        if word in options:
            continue
        if name not in modules.installed(machine.hardware):
            where = f"/lib/modules/{machine.hardware.kernel}"
            return ran(
                machine, 0.02, stderr=f"modprobe: FATAL: Module {word} not found in directory {where}\n", status=1
            )
        if any(option in _BLACKLISTED for option in options) and name in udev_rules.kept_out(machine):
            continue
        if name in forbidden:
            return ran(
                machine, 0.02, stderr=f"modprobe: ERROR: could not insert '{name}': Invalid argument\n", status=1
            )
        machine = modules.load(machine, name)
    return ran(machine, 0.2)
