"""A device in one line.

Boundary: facts to words; a fact that is not there is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def words(facts: Mapping[str, Any]) -> str:
    """Its processors, memory, bus, compute capability and driver, as far as they are known."""
    told = []
    for name, what in (("multiprocessors", "multiprocessors"), ("compute_units", "compute units")):
        if isinstance(facts.get(name), int):
            told.append(f"{facts[name]} {what}")
    if isinstance(memory := facts.get("memory_bytes"), int):
        told.append(f"{memory / 2**30:.1f} GiB of memory")
    if isinstance(memory := facts.get("memory_mib"), int):
        told.append(f"{memory / 2**10:.1f} GiB of memory")
    if facts.get("bus_bits"):
        told.append(f"a bus of {facts['bus_bits']} bits")
    if "capability_major" in facts:
        told.append(f"compute capability {facts['capability_major']}.{facts.get('capability_minor', 0)}")
    if facts.get("ecc") is not None:
        told.append("ECC" if facts["ecc"] else "no ECC")
    if "driver" in facts:
        told.append(f"driver {facts['driver']}")
    return ", ".join(told)
