"""udevadm: control, settle, trigger.

Boundary: rules are read when they are needed and events are handled at once, so there is nothing to do or to wait for.
"""

from __future__ import annotations

from gpucarve.twin.commands.invocation import Invocation, Ran, ran
from gpucarve.twin.machine import Machine


def udevadm(machine: Machine, invocation: Invocation) -> Ran:
    """Exit 1 for a verb it does not know here."""
    verb = next(iter(invocation.arguments), "")
    if verb not in ("control", "settle", "trigger"):
        return ran(machine, 0.01, stderr=f"udevadm: unrecognized command '{verb}'\n", status=1)
    return ran(machine, 0.02)
