"""One GPU of a host as layout asks about it: what the bus shows, what the catalog knows, what the driver says.

Boundary: questions to facts and catalog, and the form of a refusal; decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from gpucarve.catalog import Catalog, GpuModel
from gpucarve.facts import mig, pci
from gpucarve.facts.observed import Observed, Unknown
from gpucarve.model.findings import Finding, Verdict
from gpucarve.model.hosts import Target
from gpucarve.model.pci import PciAddress

_NVSWITCH_CLASS = "0680"
# The chips that are also sold on boards with NVSwitches (NVIDIA Fabric Manager user guide: V100, A100, H100 and newer).
_NVSWITCH_CHIPS = frozenset({"7.0", "8.0", "9.0", "10.0", "10.3"})
# GPUs (catalog ids) that are sold on such boards alone. Their switches, of the fourth generation, are not seen on the
# bus: aws/aws-parallelcluster-cookbook tells such a machine by the GPU's own id.
_ALWAYS_ON_NVSWITCH = frozenset({"b200", "b300"})


@dataclass(frozen=True, slots=True)
class Card:
    """A GPU, with the snapshot and the catalog it is looked up in.

    `model` is None where the catalog does not know its ids, `mig` (what the driver says about it) where the driver
    does not hold the GPU or could not be asked.
    """

    function: pci.Function
    model: GpuModel | None
    mig: mig.GpuMig | None
    functions: pci.Functions
    observed: Observed
    catalog: Catalog

    @property
    def address(self) -> PciAddress:
        """Where it is."""
        return self.function.address

    def __str__(self) -> str:
        return f"{self.address} ({self.model.name})" if self.model else str(self.address)

    def refused(self, fact: str, rule: str, fix: str, verdict: Verdict = Verdict.DIFFERS) -> Finding:
        """Why it cannot be laid out as asked."""
        return refused(self.observed.target, fact, rule, fix, verdict)

    def not_known(self) -> Finding:
        """The refusal of a card that the catalog does not know."""
        ids = f"device {self.function.device}, subsystem {self.function.subsystem}"
        fact = f"{self.address} is an NVIDIA device that is not in the catalog ({ids})"
        return self.refused(fact, "what it can carry is not known", "report its ids", Verdict.UNKNOWN)

    def behind_nvswitch(self, what: str) -> Finding | None:
        """The refusal of a card whose NVLinks go through switches, where `what` would need those set up for guests.

        The switches show themselves as NVIDIA's devices of class 0680 (pci.ids: A100 1af1, H100 22a3). NVIDIA AI
        Enterprise documentation, NVSwitch: MIG-backed vGPUs are not supported there at all.
        """
        found = [
            str(each.address) for each in self.functions.by_address.values() if each.device_class == _NVSWITCH_CLASS
        ]
        if self.model is not None and self.model.id in _ALWAYS_ON_NVSWITCH:
            found = found or ["such GPUs are on no other"]
        elif not found or (self.model is not None and self.model.compute_capability not in _NVSWITCH_CHIPS):
            return None
        fact = f"{self} is on a board with NVSwitches ({', '.join(found)})"
        rule = f"{what} there needs NVSwitch partitions set up by the Fabric Manager, which this release does not do"
        return self.refused(fact, rule, "cut it by `whole` or `mig` for containers, or use a board without NVSwitches")


def card(function: pci.Function, functions: pci.Functions, observed: Observed, catalog: Catalog) -> Card:
    """Look a GPU up."""
    seen = observed.get(mig.PROBE)
    told = None if isinstance(seen, Unknown) else seen.by_gpu.get(function.address)
    model = catalog.gpu(function.device, function.subsystem)
    return Card(function, model, told, functions, observed, catalog)


def refused(target: Target, fact: str, rule: str, fix: str, verdict: Verdict = Verdict.DIFFERS) -> Finding:
    """A finding of this room."""
    return Finding(target, "layout", verdict, fact, rule, fix)


def counted(number: int, noun: str) -> str:
    """`1 compute slice`, `2 compute slices`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
