"""A GPU for one guest: the functions that leave the host with it.

The unit is the IOMMU group: a guest gets all of it but bridges (rule P1; Linux Documentation/driver-api/vfio.rst).
Before the IOMMU is on no group shows; then the functions of the same device are meant, and a later look tells the
group.

Boundary: which functions; who holds them now, and how they are bound, is the resource's and the checks'.
"""

from __future__ import annotations

from gpucarve.facts import pci
from gpucarve.layout import geometry
from gpucarve.layout.cards import Card
from gpucarve.layout.layouts import CutKind, GpuLayout
from gpucarve.model.findings import Finding


def lay_out(card: Card) -> GpuLayout | Finding:
    """The GPU's function first, then its companions in address order; or why they cannot go alone."""
    if problem := card.behind_nvswitch("passthrough"):
        return problem
    gpu = card.function
    if gpu.iommu_group is None:
        mates = [each for each in card.functions.every.values() if _same_device(each, gpu)]
    else:
        mates = list(card.functions.members(gpu.iommu_group))
    mates = [each for each in mates if each.address != gpu.address and not each.is_bridge and not _made_by(each, gpu)]
    strangers = [each for each in mates if not _same_device(each, gpu)]
    if strangers:
        listed = ", ".join(_described(each) for each in strangers)
        fact = f"IOMMU group {gpu.iommu_group} of {card} also holds {listed}"
        rule = "a guest gets an IOMMU group whole, so every other device of it would leave the host too"
        fix = "put the card behind another root port, or turn on ACS in the firmware's setup"
        return card.refused(fact, rule, fix)
    mode, reset = geometry.mode(card, wanted=False)
    functions = (gpu.address, *sorted(each.address for each in mates))
    return GpuLayout(gpu.address, CutKind.PASSTHROUGH, mode, reset, functions=functions)


def _same_device(one: pci.Function, two: pci.Function) -> bool:
    first, second = one.address, two.address
    return (first.domain, first.bus, first.device) == (second.domain, second.bus, second.device)


def _made_by(function: pci.Function, gpu: pci.Function) -> bool:
    """Whether it is a virtual function of the GPU, which is off before the GPU goes."""
    return function.physical_function == gpu.address


def _described(function: pci.Function) -> str:
    driver = f"driver {function.driver}" if function.driver else "no driver"
    return f"{function.address} ({function.vendor}:{function.device}, class {function.device_class}, {driver})"
