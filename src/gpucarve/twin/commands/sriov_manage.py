"""NVIDIA's sriov-manage: virtual functions on and off, with the ways it fails on real hosts.

A GPU that is as wanted already is left alone. To turn functions off, the tool takes the driver from each first, and
with it its vGPU, for which it waits while a guest uses it. Then it takes the unbind lock, which is refused at times for
no reason anyone can see; and it may exit 0 although fewer functions came up than the GPU has.

Boundary: the tool's words and exits, after published copies of it; what functions are is `sriov`.
"""

from __future__ import annotations

from dataclasses import replace

from gpucarve.calls.replies import Exited
from gpucarve.model.pci import PciAddress
from gpucarve.twin import sriov, udev, vgpus
from gpucarve.twin.commands.invocation import Invocation, Ran, ran
from gpucarve.twin.machine import Machine, PciDevice

_USAGE = "usage: sriov-manage -e|-d ADDRESS|ALL\n"
_FOR_EVER = 1e9
_SWITCH_SECONDS = 3.0


def sriov_manage(machine: Machine, invocation: Invocation) -> Ran:
    """`-e ADDRESS|ALL` enables, `-d ADDRESS|ALL` disables; the address may have an eight-digit domain."""
    match invocation.arguments:
        case (("-e" | "-d") as verb, where):
            chosen = _chosen(machine, where)
        case _:
            return ran(machine, 0.05, stderr=_USAGE, status=1)
    if not chosen:
        return ran(machine, 0.1, stderr=f"no such PCI device: {where}\n", status=1)
    switch, word, aim = (_enable, "Enabling", True) if verb == "-e" else (sriov.disable, "Disabling", False)
    out, seconds = "", 0.1
    for device in chosen:
        if bool(machine.up.devices.vfs.get(device.address)) is aim:
            out += f"GPU at {device.address} already has VFs {'enabled' if aim else 'disabled'}.\n"
            continue
        out += f"{word} VFs on {device.address}\n"
        if any(vgpus.in_use(machine, mdev) for mdev in vgpus.live_on(machine, device.address)):
            return Ran(machine, Exited(1), _FOR_EVER)
        if verb == "-d":
            machine = sriov.release(machine, device)
        refused = _refuses(machine, device)
        if refused is not None:
            return ran(refused, seconds + 0.5, out, f"Cannot obtain unbindLock for {device.address}\n", 1)
        machine = switch(machine, device)
        seconds += _SWITCH_SECONDS
    return ran(machine, seconds, out)


def _chosen(machine: Machine, where: str) -> tuple[PciDevice, ...]:
    gpus = sriov.gpus(machine.hardware)
    if where == "ALL":
        return gpus
    try:
        address = str(PciAddress.parse(where))
    except ValueError:
        return ()
    return tuple(device for device in gpus if device.address == address)


def _refuses(machine: Machine, device: PciDevice) -> Machine | None:
    """The machine after the lock was refused, or None when it is granted."""
    if machine.ailments.sriov_refusals:
        return replace(machine, ailments=replace(machine.ailments, sriov_refusals=machine.ailments.sriov_refusals - 1))
    bound = machine.up.devices.drivers.get(device.address) == vgpus.DRIVER
    return None if bound else machine


def _enable(machine: Machine, device: PciDevice) -> Machine:
    most = machine.ailments.sriov_yield
    count = device.total_vfs if most is None else min(most, device.total_vfs)
    before = vgpus.parents(machine.hardware, machine.up.devices)
    machine = sriov.enable(machine, device, count)
    after = vgpus.parents(machine.hardware, machine.up.devices)
    return udev.parents_registered(machine, tuple(address for address in after if address not in before))
