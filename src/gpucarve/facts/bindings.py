"""Our udev rules: which functions each of them keeps for vfio-pci from the moment the kernel shows them.

Boundary: the files that we write, one a GPU; what binds a function now is `facts.pci`'s.
Source: udev(7) (rules, `ATTR{[SUBSYSTEM/KERNEL]...}`), Linux Documentation/ABI/testing/sysfs-bus-pci (driver_override,
drivers_probe).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from gpucarve.calls.primitives import KIB, ReadFiles
from gpucarve.calls.replies import Reply
from gpucarve.facts import pci
from gpucarve.facts.observed import Probe, whole
from gpucarve.model.pci import PciAddress

DRIVER = "vfio-pci"
BEFORE, AFTER = "/etc/udev/rules.d/40-gpucarve-", ".rules"


@dataclass(frozen=True, slots=True)
class Bindings:
    """`rules` is the content of our rule files, by GPU."""

    rules: dict[PciAddress, bytes] = field(default_factory=dict)


def path(gpu: PciAddress) -> str:
    """The rule file of a GPU."""
    return f"{BEFORE}{gpu}{AFTER}"


def rule(gpu: PciAddress, functions: Sequence[PciAddress]) -> bytes:
    """A rule file: as udev meets one of the functions, no driver but vfio-pci may bind it any more.

    A function that nobody has bound yet is offered to vfio-pci; where the module comes later, its coming does that.
    Addresses move when cards come and go: what is another vendor's, at one of them, is left alone.
    """
    lines = [f"# Written by gpucarve: GPU {gpu} is for guests, with every function of its IOMMU group."]
    for function in functions:
        lines.append(
            f'ACTION=="add", SUBSYSTEM=="pci", KERNEL=="{function}", ATTR{{vendor}}=="0x{pci.NVIDIA}", '
            f'ATTR{{driver_override}}="{DRIVER}", '
            f'ATTR{{[subsystem/pci]drivers_probe}}="{function}", RUN{{builtin}}+="kmod load {DRIVER}"'
        )
    return ("\n".join(lines) + "\n").encode()


def _parse(replies: tuple[Reply, ...]) -> Bindings:
    found: dict[PciAddress, bytes] = {}
    for place, file in whole(replies[0]).items():
        try:
            found[PciAddress.parse(place.removeprefix(BEFORE).removesuffix(AFTER))] = file.content
        except ValueError:
            continue  # not a name that we give
    return Bindings(found)


PROBE = Probe("bindings", (ReadFiles((f"{BEFORE}*{AFTER}",), limit=64 * KIB),), _parse)
