"""Two boards of one id in a guest: one takes what documents say, the other is somebody else's and has to stay.

Boundary: what is expected of each kind of workload, as data, and the shell's own look at it; gpucarve is not asked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tests.kernel import shims
from tests.kernel.discovering import Seen, kernel
from tests.kernel.guest import Guest
from tests.kernel.machine import GPU_ADDRESS as GPU
from tests.kernel.machine import SIBLING_ADDRESS as SIBLING

PAIR = "pair"
UUID = "73269d0f-b2c9-438d-8f28-f9e4bc6c6995"  # by uuidgen, on a host of the StackHPC Kayobe guide for vGPU


@dataclass(frozen=True)
class Card:
    """What a GPU carries, by name: instances by profile, vGPUs by type. `mode` is the MIG mode, current and pending."""

    driver: str = "nvidia"
    override: str = ""
    virtual_functions: bool = False
    mode: str = "0 0"
    instances: tuple[str, ...] = ()
    compute_instances: int = 0
    vgpus: tuple[str, ...] = ()


WHOLE = Card()
_BACKED = ("1g.10gb", *["2g.20gb"] * 3)
CARDS = {
    "whole": WHOLE,
    "mig": replace(WHOLE, mode="1 1", instances=("1g.10gb", "1g.10gb", "3g.40gb"), compute_instances=3),
    "time-sliced": replace(WHOLE, virtual_functions=True, vgpus=("A100D-40C",) * 2),
    "mig-backed": Card(
        virtual_functions=True,
        mode="1 1",
        instances=_BACKED,
        vgpus=("A100D-1-10C", *["A100D-2-20C"] * 3),
    ),
    "passthrough": Card("vfio-pci", "vfio-pci", mode=""),
}


def card(guest: Guest, gpu: str = GPU) -> Card:
    """A GPU as sysfs and its driver show it to a shell."""
    return _card(kernel(guest), gpu)


def cards(guest: Guest) -> tuple[Card, str]:
    """The GPU, and all that would show a change of the other board: what it carries, and inode and time of each vGPU's
    device and definition."""
    seen, slot = kernel(guest), SIBLING.removesuffix("0")
    made = guest.shell(f"stat -c '%n %i %Z' /sys/bus/pci/devices/{slot}*/*-*-*-*-*/ /etc/mdevctl.d/{slot}*/*")
    return _card(seen, GPU), f"{_card(seen, SIBLING)} {made}"


def _card(seen: Seen, gpu: str) -> Card:
    names = {(parent, type_id): name for (parent, name), (type_id, _) in seen.types.items()}
    *_, driver, _, _, total, enabled, override = seen.functions[gpu]
    mode, lines = seen.mig.get(gpu, ("", []))
    profiles = [line.split()[0] for line in lines]
    slot = gpu.removesuffix("0")
    return Card(
        driver,
        override,
        int(enabled) == int(total) > 0,
        mode,
        tuple(sorted(each for each in profiles if each != "compute")),
        profiles.count("compute"),
        tuple(sorted(names[each] for each in seen.mdevs.values() if each[0].startswith(slot))),
    )


def prepare(guest: Guest) -> None:
    """A vGPU of somebody else's on the other board, and shims before the tools."""
    parent = SIBLING.removesuffix("0") + "4"
    guest.shell(
        f"/usr/lib/nvidia/sriov-manage -e {SIBLING}\n"
        f"mdevctl define --uuid {UUID} --parent {parent} --type nvidia-697\nmdevctl start --uuid {UUID}"
    )
    shims.install(guest)
    guest.snapshot(PAIR)
