"""The view of a machine's file system, put together from its layers; each layer is derived once per state.

Boundary: joins `nodes`, `sysfs` and `procfs`; holds no state but memory of pure results.
"""

from __future__ import annotations

from functools import lru_cache

from gpucarve.twin.machine import Files, Machine
from gpucarve.twin.nodes import Layer, layer
from gpucarve.twin.procfs import procfs
from gpucarve.twin.sysfs import sysfs
from gpucarve.twin.views import View


def view(machine: Machine) -> View:
    """The file system of a running machine; of one that is off, its stored files alone."""
    stored = _stored(machine.files)
    if machine.running is None:
        return View({"": stored})
    running = machine.running
    derived = sysfs(machine.hardware, running.devices)
    return View(
        {
            "": stored,
            "sys": derived,
            "dev": derived,
            "proc": procfs(machine.hardware, running.boot, running.devices, running.processes),
        }
    )


@lru_cache(maxsize=16)
def _stored(files: Files) -> Layer:
    return layer(files.nodes)
