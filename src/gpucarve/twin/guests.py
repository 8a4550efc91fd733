"""Guests as a host sees them: a QEMU process that has a VFIO group open, and libvirt's note of what it was given.

A guest takes a vGPU, or a GPU that is passed through with everything in its IOMMU group; it starts only when all of
that is vfio-pci's (Linux Documentation/driver-api/vfio, group viability). The words of its process are libvirt 9's.

Boundary: machine in, machine out, and the process to be; what happens inside a guest is not simulated.
"""

from __future__ import annotations

import json
import re
from itertools import pairwise

from gpucarve.model.pci import PciAddress
from gpucarve.twin import filesystem, vgpus
from gpucarve.twin.errors import Impossible
from gpucarve.twin.functions import present
from gpucarve.twin.machine import Machine, Process

VFIO = "vfio-pci"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_FOLDER = "/run/libvirt/qemu"
_BRIDGES = ("0604", "0607", "0609")


def begin(machine: Machine, device: str, name: str) -> tuple[Machine, Process]:
    """The machine with libvirt's note, and the process to start; its id is still to be given. Raises Impossible.

    `device` is a vGPU's UUID, or a GPU's address: that of one that is passed through means the GPU itself, else the
    first of its vGPUs that no guest has.
    """
    if not _NAME.fullmatch(name):
        raise Impossible(f"{name!r} is no name for a guest: letters, digits, dots, dashes, up to 64")
    if find(machine, name) is not None:
        raise Impossible(f"the guest {name} runs already")
    known = {mdev.uuid for mdev in machine.up.devices.mdevs if not mdev.leaving}
    member = device.lower() if device.lower() in known else _on_gpu(machine, device)
    group = f"/dev/vfio/{machine.up.devices.groups[member]}"
    if any(group in process.open for process in machine.up.processes.entries):
        raise Impossible(f"{member} is in use by another guest")
    argv = ("/usr/bin/qemu-system-x86_64", "-name", f"guest={name},debug-threads=on", "-machine", "q35,accel=kvm")
    given = _given(machine, member)
    devices = [json.dumps({"driver": "vfio-pci", **source}, separators=(",", ":")) for source, _ in given]
    options = tuple(word for device in devices for word in ("-device", device))
    machine = filesystem.make_directories(machine, _FOLDER)
    machine = filesystem.write_file(machine, _note(name), _xml(name, [xml for _, xml in given]), 0o600)
    return machine, Process(0, (*argv, *options), ("/dev/kvm", "/dev/vfio/vfio", group))


def find(machine: Machine, name: str) -> Process | None:
    """The guest's process."""
    wanted = f"guest={name},debug-threads=on"
    return next((each for each in machine.up.processes.entries if ("-name", wanted) in pairwise(each.argv)), None)


def forget(machine: Machine, name: str) -> Machine:
    """The machine without libvirt's note."""
    note = _note(name)
    return filesystem.remove(machine, note) if note in machine.files.nodes else machine


def names(machine: Machine) -> tuple[str, ...]:
    """The guests that run."""
    words = [word for each in machine.up.processes.entries for word in each.argv]
    return tuple(word.removeprefix("guest=").partition(",")[0] for word in words if word.startswith("guest="))


def _on_gpu(machine: Machine, device: str) -> str:
    """The GPU's address, or the UUID of a vGPU of its."""
    try:
        address = str(PciAddress.parse(device))
    except ValueError:
        raise Impossible(f"{device} is neither a vGPU's UUID there nor a PCI address") from None
    functions, devices = present(machine.hardware, machine.up.devices), machine.up.devices
    if address not in functions:
        raise Impossible(f"there is no {address}")
    if devices.drivers.get(address) == VFIO:
        _check_viable(machine, address)
        return address
    free = [each for each in vgpus.live_on(machine, address) if not vgpus.in_use(machine, each)]
    if not free:
        raise Impossible(f"{address} is not passed through, and has no vGPU that is free")
    return min(free, key=lambda each: each.parent).uuid


def _check_viable(machine: Machine, address: str) -> None:
    devices = machine.up.devices
    if address not in devices.groups:
        raise Impossible(f"{address} has no IOMMU group: the IOMMU is off")
    for other in _beside(machine, address):
        if devices.drivers.get(other) != VFIO:
            text = f"group {devices.groups[address]} is not viable: {other} is bound to"
            raise Impossible(f"{text} {devices.drivers.get(other) or 'nothing'}")


def _beside(machine: Machine, address: str) -> list[str]:
    """The functions of its IOMMU group that are no bridges, itself first."""
    functions, groups = present(machine.hardware, machine.up.devices), machine.up.devices.groups
    others = [
        other
        for other, function in functions.items()
        if other != address
        and groups.get(other) == groups.get(address)
        and function.device.pci_class[:4] not in _BRIDGES
    ]
    return [address, *others]


def _given(machine: Machine, member: str) -> list[tuple[dict[str, str], str]]:
    """What QEMU is told of each function, and what libvirt writes of it."""
    if vgpus.running(machine.up.devices, member) is not None:
        return [({"sysfsdev": f"/sys/bus/mdev/devices/{member}"}, f"<address uuid='{member}'/>")]
    return [({"host": each}, _pci(PciAddress.parse(each))) for each in _beside(machine, member)]


def _pci(address: PciAddress) -> str:
    return (
        f"<address domain='0x{address.domain:04x}' bus='0x{address.bus:02x}' "
        f"slot='0x{address.device:02x}' function='0x{address.function:x}'/>"
    )


def _note(name: str) -> str:
    return f"{_FOLDER}/{name}.xml"


def _xml(name: str, addresses: list[str]) -> bytes:
    """The part of libvirt's status file that tells of host devices, an element a line as libvirt writes it."""
    sources = [line for each in addresses for line in ("        <source>", f"          {each}", "        </source>")]
    head = ["<domstatus state='running' reason='booted'>", "  <domain type='kvm'>", f"    <name>{name}</name>"]
    return "\n".join([*head, *sources, "  </domain>", "</domstatus>", ""]).encode()
