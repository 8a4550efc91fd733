"""Guests of the guest: domains of its own libvirt, with devices of its.

They are given no disk and are started paused, emulated by QEMU's TCG within the bench's own: QEMU has opened a device
when `virsh start` returns, and nothing here asks a guest to compute.
"""

from __future__ import annotations

from gpucarve.model.pci import PciAddress
from tests.kernel.guest import Guest

MEMORY_MIB = 16


def definition(name: str, *devices: str) -> str:
    """libvirt's XML of a domain with these vGPUs (UUIDs) or functions (PCI addresses)."""
    given = "".join(map(_device, devices))
    return f"""\
<domain type='qemu'>
  <name>{name}</name>
  <memory unit='MiB'>{MEMORY_MIB}</memory>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
{given}\
  </devices>
</domain>
"""


def _device(device: str) -> str:
    try:
        address = PciAddress.parse(device)
    except ValueError:
        kind, source = "type='mdev' model='vfio-pci'", f"uuid='{device}'"
    else:
        place = f"bus='{address.bus:#x}' slot='{address.device:#x}' function='{address.function:#x}'"
        kind, source = "type='pci'", f"domain='{address.domain:#x}' {place}"
    host = f"<hostdev mode='subsystem' {kind} managed='no'><source><address {source}/></source></hostdev>"
    return f"    {host}\n"


def define(guest: Guest, name: str, *devices: str) -> None:
    """Define a domain; libvirt is started where it does not run."""
    guest.ssh(("tee", f"/srv/{name}.xml"), stdin=definition(name, *devices))
    guest.shell(f"systemctl start libvirtd.service\nvirsh -q define /srv/{name}.xml")


def start(guest: Guest, name: str) -> None:
    """Start a domain, paused."""
    guest.shell(f"systemctl start libvirtd.service\nvirsh -q start --paused {name}")


def destroy(guest: Guest, name: str) -> None:
    """End a domain at once; it stays defined."""
    guest.shell(f"virsh -q destroy {name}")
