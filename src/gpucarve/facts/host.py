"""The probes of a machine: one list, so that one round trip answers all of them.

They are asked in this order, and a host goes on meanwhile. First comes what says that somebody is at work there, our
boot unit or a program: when it is over at that moment, all that is read after it is what it has left.

Boundary: a list.
"""

from __future__ import annotations

from typing import Any

from gpucarve.facts import (
    active_vgpus,
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
    units.PROBE,
    ours.PROBE,
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
    active_vgpus.PROBE,
    vendor_vfio.PROBE,
    mig.PROBE,
    users.PROBE,
    domains.PROBE,
)
