"""A command of the machine's own, run as its data says.

Boundary: one script, one run; how its name finds it is the folder's.
"""

from __future__ import annotations

from gpucarve.calls.replies import Exited
from gpucarve.twin import filesystem
from gpucarve.twin.commands.invocation import Invocation, Ran
from gpucarve.twin.machine import Machine, Script
from gpucarve.twin.nodes import raw


def run_script(script: Script, machine: Machine, invocation: Invocation) -> Ran:
    """What it stores first stays when it is stopped in its sleep."""
    if script.save_stdin:
        machine = filesystem.write_file(machine, script.save_stdin, invocation.stdin)
    if script.save_argv:
        words = b"".join(raw(word) + b"\0" for word in invocation.arguments)
        machine = filesystem.write_file(machine, script.save_argv, words)
    begun = machine
    if script.touch:
        machine = filesystem.write_file(machine, script.touch, b"")
    exited = Exited(script.status, script.stdout, script.stderr)
    return Ran(machine, exited, 0.001 + script.sleep, script.signal, begun)
