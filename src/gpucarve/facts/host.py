"""The probes of a machine: one list, so that one round trip answers all of them.

Boundary: a list.
"""

from __future__ import annotations

from typing import Any

from gpucarve.facts import boot, driver, grub, mediated, mig, ours, pci, units
from gpucarve.facts.observed import Probe

PROBES: tuple[Probe[Any], ...] = (
    boot.PROBE,
    grub.PROBE,
    driver.PROBE,
    pci.PROBE,
    mediated.PROBE,
    mig.PROBE,
    ours.PROBE,
    units.PROBE,
)
