"""NVIDIA's sriov-manage: virtual functions on and off, with the ways it fails on real hosts.

It takes the driver's unbind lock first, which is refused while a vGPU lives on the GPU and, at times, for no reason
anyone can see; and it may exit 0 although fewer functions came up than the GPU has.

Boundary: the tool's words and exits; what functions are is `sriov`.
"""

from __future__ import annotations

from dataclasses import replace

from gpucarve.model.pci import PciAddress
from gpucarve.twin import sriov, udev, vgpus
from gpucarve.twin.commands.invocation import Invocation, Ran, ran
from gpucarve.twin.machine import Machine, PciDevice

_USAGE = "usage: sriov-manage <-e|-d> <ssss:bb:dd.f|ALL>\n"


def sriov_manage(machine: Machine, invocation: Invocation) -> Ran:
    """`-e ADDRESS|ALL` enables, `-d ADDRESS|ALL` disables; the address may have an eight-digit domain."""
    match invocation.arguments:
        case (("-e" | "-d") as verb, where):
            chosen = _chosen(machine, where)
        case _:
            return ran(machine, 0.05, _USAGE, status=1)
    if not chosen:
        return ran(machine, 0.1, stderr=f"No SR-IOV capable NVIDIA GPU at {where}\n", status=1)
    out, err, status, seconds = "", "", 0, 0.0
    for device in chosen:
        refused = _refuses(machine, device)
        if refused is not None:
            machine, err, status = refused, f"{err}Cannot obtain unbindLock for {device.address}\n", 1
            seconds += 0.5
            continue
        out += f"{'Enabling' if verb == '-e' else 'Disabling'} VFs on {device.address}\n"
        machine = _enable(machine, device) if verb == "-e" else sriov.disable(machine, device)
        seconds += 3.0
    return ran(machine, seconds, out, err, status)


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
    devices = machine.up.devices
    bound = devices.drivers.get(device.address) == vgpus.DRIVER
    return machine if vgpus.live_on(machine.hardware, devices, device.address) or not bound else None


def _enable(machine: Machine, device: PciDevice) -> Machine:
    most = machine.ailments.sriov_yield
    count = device.total_vfs if most is None else min(most, device.total_vfs)
    before = vgpus.parents(machine.hardware, machine.up.devices)
    machine = sriov.enable(machine, device, count)
    after = vgpus.parents(machine.hardware, machine.up.devices)
    return udev.parents_registered(machine, tuple(address for address in after if address not in before))
