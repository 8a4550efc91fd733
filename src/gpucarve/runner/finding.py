"""Which device a workload runs on.

Boundary: asks both interfaces; says in a refusal why neither has one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from gpucarve.runner import cuda, opencl
from gpucarve.runner.device import Device
from gpucarve.runner.refusals import Refused

_LISTS: dict[str, Callable[[], Sequence[Device]]] = {"cuda": cuda.devices, "opencl": opencl.devices}


class Found(NamedTuple):
    """The devices of the interfaces that were asked, and why an interface has none."""

    devices: Sequence[Device]
    without: dict[str, str]


def found(interface: str) -> Found:
    """The devices of `cuda`, of `opencl`, or with `auto` of both, GPUs first. Raises Refused where there is none."""
    devices: list[Device] = []
    refusals: dict[str, Refused] = {}
    for name in _LISTS if interface == "auto" else (interface,):
        try:
            devices.extend(_LISTS[name]())
        except Refused as refusal:
            refusals[name] = refusal
    if not devices:
        first = next(iter(refusals.values()))
        facts = "; ".join(f"{name}: {refusal.fact}" for name, refusal in refusals.items())
        raise Refused(facts, first.rule, first.fix)
    devices.sort(key=lambda device: not device.is_gpu)
    return Found(devices, {name: refusal.fact for name, refusal in refusals.items()})


def chosen(interface: str, number: int) -> tuple[Device, dict[str, str]]:
    """The device of that number, taken into use, and why an interface has none."""
    listed = found(interface)
    if not 0 <= number < len(listed.devices):
        raise Refused(
            f"there is no device {number}; there are {len(listed.devices)}", "devices count from 0", "name one of them"
        )
    device = listed.devices[number]
    device.open()
    return device, listed.without
