"""udev's one rule that matters here: when a parent registers for mediated devices, start those defined as `auto`.

The rule runs the program it names. Debian 12 installs mdevctl in /usr/bin while its rule names /usr/sbin, so nothing
starts there; the files on the machine decide, as on a real one.

Boundary: reads the rule and the definitions; making the device is `vgpus`.
"""

from __future__ import annotations

import re

from gpucarve.twin import definitions, vgpus
from gpucarve.twin.errors import KernelError
from gpucarve.twin.machine import Machine
from gpucarve.twin.sight import view

RULE = "/usr/lib/udev/rules.d/60-mdevctl.rules"
_PROGRAM = re.compile(r"(/\S*/mdevctl) start-parent-mdevs")


def parents_registered(machine: Machine, parents: tuple[str, ...]) -> Machine:
    """The machine after udev handled the registration of these functions."""
    sight = view(machine)
    if not sight.exists(RULE):
        return machine
    match = _PROGRAM.search(sight.file(RULE).content.decode("utf-8", "replace"))
    if match is None or not sight.exists(match[1]):
        return machine
    for definition in definitions.read(machine):
        if definition.auto and definition.parent in parents:
            try:
                machine = vgpus.create(machine, definition.parent, definition.type_id, definition.uuid)
            except KernelError:
                continue
    return machine
