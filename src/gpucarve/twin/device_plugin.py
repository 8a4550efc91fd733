"""A simulated NVIDIA KubeVirt device plugin: vGPUs of a machine become extended resources of its node.

A reconciler: where the node carries the workload config `vm-vgpu`, it reports the vGPUs that are there; it looks every
few seconds, and after the label comes it needs time to start. Name: the driver's type name with blanks as underscores
(kubevirt-gpu-device-plugin; recorded answers agree). Without the label it is not there, and the kubelet shows 0 of what
it once reported. Node status is the kubelet's to write; what comes from the plugin is kept under a manager of its own,
so that neither takes away the other's fields.

Boundary: pure in (node, machine, state, now); writes through the store protocol as the kubelet, and knows nothing of
who asked for what.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

from gpucarve.calls.objects import ObjectRef
from gpucarve.twin import vgpus
from gpucarve.twin.functions import present
from gpucarve.twin.machine import Machine
from gpucarve.twin.store import Store

LABEL = "nvidia.com/gpu.workload.config"
WANTED = "vm-vgpu"
MANAGER = "kubelet-device-plugin"
_START = 20.0
_PERIOD = 5.0


@dataclass(frozen=True, slots=True)
class PluginState:
    """`due` is when it reports next, None while it is not running; `reported` the names it ever reported."""

    due: float | None = None
    reported: frozenset[str] = frozenset()


def reconcile(store: Store, node: ObjectRef, machine: Machine, state: PluginState, now: float) -> PluginState:
    """Report if it is time to; the state after it."""
    data = store.get(node)
    if data is None or machine.running is None:
        return replace(state, due=None)
    if data["metadata"].get("labels", {}).get(LABEL) != WANTED:
        if state.due is not None or _shows(data, state.reported):
            _report(store, node, dict.fromkeys(state.reported, 0))
        return replace(state, due=None)
    if state.due is None:
        return replace(state, due=now + _START)
    if now < state.due:
        return state
    found = resources(machine)
    reported = state.reported | found.keys()
    _report(store, node, {**dict.fromkeys(reported, 0), **found})
    return PluginState(now + _PERIOD, reported)


def resources(machine: Machine) -> dict[str, int]:
    """How many vGPUs of each extended resource the machine has."""
    devices = machine.up.devices
    functions = present(machine.hardware, devices)
    names: Counter[str] = Counter()
    for mdev in devices.mdevs:
        offered = vgpus.find_type(machine.hardware, functions[mdev.parent], mdev.type_id)
        if offered is not None:
            names[f"nvidia.com/{offered.name.replace(' ', '_')}"] += 1
    return dict(names)


def _shows(data: dict[str, Any], names: frozenset[str]) -> bool:
    allocatable = data.get("status", {}).get("allocatable", {})
    return any(allocatable.get(name, "0") != "0" for name in names)


def _report(store: Store, node: ObjectRef, counts: dict[str, int]) -> None:
    shown = {name: str(count) for name, count in sorted(counts.items())}
    status = {"status": {"allocatable": shown, "capacity": shown}}
    store.apply(node, MANAGER, status, subresource="status")
