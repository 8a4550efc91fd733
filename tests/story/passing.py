"""What has to stand for one GPU to be passed through, and for the host to be as before, without a document.

Boundary: resources of the host alone; a platform makes the same from a layout.
"""

from __future__ import annotations

from dataclasses import dataclass

from gpucarve.facts import ours
from gpucarve.facts.observed import Observed
from gpucarve.model.hosts import ResourceKey, Target
from gpucarve.model.pci import PciAddress
from gpucarve.plan.making import Aim, Draft, make
from gpucarve.plan.plans import Purpose
from gpucarve.resources.decisions import Resource
from gpucarve.resources.host import boot_unit, driver_blacklist, kernel_arguments, modules_load, vfio_binding
from gpucarve.resources.host.boot_unit import BootUnit, BootUnitAsBefore
from gpucarve.resources.host.driver_blacklist import DriverBlacklist, DriverBlacklistAsBefore
from gpucarve.resources.host.kernel_arguments import KernelArguments
from gpucarve.resources.host.modules_load import ModulesLoad, ModulesLoadAsBefore
from gpucarve.resources.host.vfio_binding import NoVfioBinding, VfioBinding


@dataclass(frozen=True)
class Passing:
    """One GPU of a host with all its functions, and the kernel arguments that its IOMMU takes."""

    target: Target
    functions: tuple[PciAddress, ...]
    arguments: tuple[str, ...]

    @classmethod
    def of(cls, target: Target, functions: tuple[str, ...], *arguments: str) -> Passing:
        """From text, the GPU's own function first."""
        return cls(target, tuple(map(PciAddress.parse, functions)), arguments)

    @property
    def binding(self) -> ResourceKey:
        """The binding's key."""
        return vfio_binding.key(self.target, self.functions[0])

    def draft(self, observed: Observed, purpose: Purpose = Purpose.APPLY) -> Draft:
        """What would be done now."""
        resources = self.there() if purpose is Purpose.APPLY else self.back(observed)
        return make(Aim("lab", "digest", purpose, resources), {self.target: observed})

    def there(self) -> tuple[Resource, ...]:
        """The GPU for guests."""
        first: tuple[Resource, ...] = (
            KernelArguments(kernel_arguments.key(self.target), self.arguments),
            DriverBlacklist(driver_blacklist.key(self.target), ("nouveau",)),
            ModulesLoad(modules_load.key(self.target), ("vfio_pci",)),
            BootUnit(boot_unit.key(self.target)),
        )
        needs = tuple(each.key for each in first)
        return (*first, VfioBinding(self.binding, self.functions[0], self.functions, needs))

    def back(self, observed: Observed) -> tuple[Resource, ...]:
        """The host as before, by its claims."""
        claims, gone = observed.require(ours.PROBE), (self.binding,)
        arguments = kernel_arguments.key(self.target)
        before = (
            (kernel_arguments.before(arguments, claims, "rolled back", gone),)
            if arguments.local in claims.claims
            else ()
        )
        return (
            NoVfioBinding(self.binding, self.functions[0], "rolled back"),
            *before,
            DriverBlacklistAsBefore(driver_blacklist.key(self.target), "rolled back", gone),
            ModulesLoadAsBefore(modules_load.key(self.target), "rolled back", gone),
            BootUnitAsBefore(boot_unit.key(self.target), "rolled back", gone),
        )
