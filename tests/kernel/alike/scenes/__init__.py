"""The scenes: what both are asked, by what it is about, and in which order on which machine.

Boundary: data.
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.kernel.alike.scenes import binding, boot_unit, devices, disk, locks, mig, tools
from tests.kernel.alike.steps import Chain

CHAINS: Mapping[str, Chain] = {
    each.name: each
    for each in (
        Chain("a bare host", (devices.BARE, binding.WAITS)),
        Chain("programs and files", (locks.LEASES, disk.GUARDS, disk.FILES, disk.KEPT)),
        Chain("disks and tools", (disk.FULL, boot_unit.ENABLED, tools.ENDS)),
        Chain("virtual functions", (devices.VGPUS, devices.IN_USE, binding.HANDS, mig.INSTANCES), functions=True),
    )
}
