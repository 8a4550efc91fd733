"""The few plain commands a caller may run: true, sync, uname, env.

Boundary: no state is changed here.
"""

from __future__ import annotations

from gpucarve.twin.commands.invocation import Invocation, Ran, ran
from gpucarve.twin.machine import Machine


def true(machine: Machine, _: Invocation) -> Ran:
    """Exit 0."""
    return ran(machine, 0.001)


def sync(machine: Machine, _: Invocation) -> Ran:
    """Every write here is durable already."""
    return ran(machine, 0.05)


def env(machine: Machine, _: Invocation) -> Ran:
    """The environment every command gets."""
    return ran(machine, 0.001, "LC_ALL=C\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n")


def uname(machine: Machine, invocation: Invocation) -> Ran:
    """`uname -r`, or the kernel's name."""
    return ran(machine, 0.001, f"{machine.hardware.kernel if '-r' in invocation.arguments else 'Linux'}\n")
