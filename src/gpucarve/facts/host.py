"""The probes of a machine: one list, so that one round trip answers all of them.

Boundary: a list.
"""

from __future__ import annotations

from typing import Any

from gpucarve.facts import (
    bindings,
    boot,
    domains,
    driver,
    entries,
    grub,
    initramfs,
    loader,
    mediated,
    mig,
    modules,
    ours,
    pci,
    security,
    units,
    users,
    vendor_vfio,
)
from gpucarve.facts.observed import Probe

PROBES: tuple[Probe[Any], ...] = (
    boot.PROBE,
    loader.PROBE,
    grub.PROBE,
    entries.PROBE,
    security.PROBE,
    driver.PROBE,
    pci.PROBE,
    modules.PROBE,
    initramfs.PROBE,
    bindings.PROBE,
    mediated.PROBE,
    vendor_vfio.PROBE,
    mig.PROBE,
    users.PROBE,
    domains.PROBE,
    ours.PROBE,
    units.PROBE,
)
