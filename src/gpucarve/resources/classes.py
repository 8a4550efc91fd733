"""Every kind of resource that a plan may hold.

Boundary: names alone. One that is not here cannot be read back from a plan that was kept.
"""

from __future__ import annotations

from typing import Any

from gpucarve.resources.host.boot_unit import BootUnit, BootUnitAsBefore
from gpucarve.resources.host.driver_blacklist import DriverBlacklist, DriverBlacklistAsBefore
from gpucarve.resources.host.gpu_instance import AdoptedGpuInstance, GpuInstance
from gpucarve.resources.host.gpu_instance_removal import NoGpuInstance
from gpucarve.resources.host.kernel_arguments import KernelArguments, KernelArgumentsAsBefore
from gpucarve.resources.host.mig_mode import MigMode, MigModeAsBefore
from gpucarve.resources.host.modules_load import ModulesLoad, ModulesLoadAsBefore
from gpucarve.resources.host.vfio_binding import NoVfioBinding, VfioBinding
from gpucarve.resources.host.vgpu import Vgpu
from gpucarve.resources.host.vgpu_adoption import AdoptedVgpu
from gpucarve.resources.host.vgpu_removal import NoVgpu
from gpucarve.resources.host.virtual_functions import NoVirtualFunctions, VirtualFunctions
from gpucarve.resources.host.whole_gpu import WholeGpu
from gpucarve.resources.kube.allocatable import Allocatable
from gpucarve.resources.kube.node_label import NodeLabel

CLASSES: dict[str, type[Any]] = {
    cls.__name__: cls
    for cls in (
        BootUnit,
        BootUnitAsBefore,
        KernelArguments,
        KernelArgumentsAsBefore,
        DriverBlacklist,
        DriverBlacklistAsBefore,
        ModulesLoad,
        ModulesLoadAsBefore,
        VfioBinding,
        NoVfioBinding,
        MigMode,
        MigModeAsBefore,
        VirtualFunctions,
        NoVirtualFunctions,
        GpuInstance,
        AdoptedGpuInstance,
        NoGpuInstance,
        Vgpu,
        AdoptedVgpu,
        NoVgpu,
        WholeGpu,
        NodeLabel,
        Allocatable,
    )
}
