"""lspci -nn [-D] [-d VENDOR:[DEVICE]]: one line a function, with names and numbers.

Boundary: this one form of the tool.
"""

from __future__ import annotations

from gpucarve.twin.commands.invocation import Invocation, Ran, ran
from gpucarve.twin.functions import present
from gpucarve.twin.machine import Machine

_CLASSES = {
    "0108": "Non-Volatile memory controller",
    "0200": "Ethernet controller",
    "0300": "VGA compatible controller",
    "0302": "3D controller",
    "0403": "Audio device",
    "0600": "Host bridge",
    "0601": "ISA bridge",
    "0604": "PCI bridge",
    "0c03": "USB controller",
    "0c05": "SMBus",
    "0c80": "Serial bus controller",
}
_VENDORS = {
    "10de": "NVIDIA Corporation",
    "8086": "Intel Corporation",
    "144d": "Samsung Electronics Co Ltd",
    "102b": "Matrox Electronics Systems Ltd.",
    "1022": "Advanced Micro Devices, Inc. [AMD]",
    "1a03": "ASPEED Technology, Inc.",
}


def lspci(machine: Machine, invocation: Invocation) -> Ran:
    """Exit 1 for an option this one does not know."""
    words = list(invocation.arguments)
    full, vendor, number = False, "", ""
    while words:
        word = words.pop(0)
        if word == "-D":
            full = True
        elif word == "-d" and words:
            vendor, _, number = words.pop(0).lower().partition(":")
        elif word != "-nn":
            return ran(machine, 0.05, stderr=f"lspci: invalid option -- '{word}'\n", status=1)
    out = ""
    for address, function in present(machine.hardware, machine.up.devices).items():
        device = function.device
        if vendor in ("", device.vendor) and number in ("", device.device):
            kind = device.pci_class[:4]
            place = address if full or not address.startswith("0000:") else address[5:]
            maker = _VENDORS.get(device.vendor, "Vendor")
            numbers = f"[{device.vendor}:{device.device}]"
            out += f"{place} {_CLASSES.get(kind, 'Class')} [{kind}]: {maker} {device.name} {numbers}\n"
    return ran(machine, 0.1, out)
