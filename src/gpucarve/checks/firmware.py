"""What only the firmware's setup can change: the IOMMU and virtualization.

Boundary: rules on one snapshot; asked once a host for the kinds of steps that a draft has there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from gpucarve.facts import boot
from gpucarve.facts.observed import Observed
from gpucarve.model.findings import Finding, Verdict
from gpucarve.resources.host import slots, vfio_binding, virtual_functions

_FOR_GUESTS = frozenset({virtual_functions.KIND, slots.KIND, vfio_binding.KIND})


def findings(kinds: Collection[str], observed: Observed) -> Iterator[Finding]:
    """GPUs go to VMs only where the firmware shows an IOMMU; VMs start only where the CPU's virtualization is on."""
    if _FOR_GUESTS.isdisjoint(kinds):
        return
    running = observed.require(boot.PROBE)
    if not running.iommu_table:
        yield Finding(
            observed.target,
            "iommu",
            Verdict.DIFFERS,
            "the firmware shows no IOMMU: there is neither a DMAR nor an IVRS table",
            "a GPU or its virtual functions can be given to a VM only behind an IOMMU",
            "turn on VT-d (Intel) or AMD-Vi/IOMMU (AMD), and SR-IOV, in the firmware's setup",
        )
    if not running.virtualization:
        yield Finding(
            observed.target,
            "virtualization",
            Verdict.DIFFERS,
            "the CPU shows neither vmx nor svm",
            "KVM cannot start a VM without them",
            "turn on VT-x (Intel) or SVM (AMD) in the firmware's setup",
            warning=True,
        )
