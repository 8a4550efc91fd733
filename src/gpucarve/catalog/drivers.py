"""NVIDIA drivers: branches, which CUDA they run, and in which flavour their kernel modules are wanted.

Boundary: what NVIDIA publishes; which driver a host has is `facts`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from gpucarve.catalog import loader, versions


@dataclass(frozen=True, slots=True)
class DriverBranch:
    """A data centre branch. `kind` is `lts`, `production` or `new-feature`; `end_of_life` is a month."""

    branch: str
    kind: str
    end_of_life: str
    max_cuda_major: int


@dataclass(frozen=True, slots=True)
class CudaToolkit:
    """One toolkit with the Linux driver that belongs to it; `update` is 0 for its first release."""

    cuda: str
    update: int
    driver: str
    source: str | None = None


@dataclass(frozen=True, slots=True)
class CudaMajor:
    """The oldest driver on which any toolkit of a major version runs, without its newest features."""

    major: int
    min_driver: str


@dataclass(frozen=True, slots=True)
class FirstCuda:
    """The first toolkit that makes code for a compute capability."""

    compute_capability: str
    first_cuda: str


@dataclass(frozen=True, slots=True)
class CudaSeen:
    """What `nvidia-smi` of a driver prints as its CUDA version."""

    driver: str
    cuda: str


class Modules(Enum):
    """The flavour of the driver's kernel modules."""

    OPEN = "open"
    PROPRIETARY = "proprietary"


@dataclass(frozen=True, slots=True)
class KernelModules:
    """The flavour recommended for an architecture, on hosts of containers and on hosts of vGPUs.

    `open_since` is the driver from which the open flavour is the recommended one; `last_branch` the newest branch
    that still drives the architecture.
    """

    architecture: str
    compute: Modules
    vgpu_host: Modules
    open_since: str | None = None
    last_branch: str | None = None
    source: str | None = None


class CudaSupport(Enum):
    """How a toolkit's programs run on a driver."""

    FULL = "full"
    LIMITED = "limited"  # by minor version compatibility: without features that need a newer driver
    NONE = "none"


def driver_branches() -> tuple[DriverBranch, ...]:
    """The data centre branches in support, the oldest first."""
    return loader.entries("driver-branches", DriverBranch)


def cuda_toolkits() -> tuple[CudaToolkit, ...]:
    """Every toolkit, the newest first."""
    return loader.entries("cuda-toolkits", CudaToolkit)


def cuda_majors() -> tuple[CudaMajor, ...]:
    """The major versions with minor version compatibility."""
    return loader.entries("cuda-majors", CudaMajor)


def cuda_support(driver: str, cuda: str) -> CudaSupport | None:
    """How programs of a CUDA version (`12.4`) run on a driver; None for a version that is not known.

    Raises ValueError when `driver` or `cuda` is no version.
    """
    wanted = [each for each in cuda_toolkits() if versions.key(each.cuda) == versions.key(cuda)]
    if not wanted:
        return None
    if versions.key(driver) >= min(versions.key(each.driver) for each in wanted):
        return CudaSupport.FULL
    major = next((each for each in cuda_majors() if each.major == versions.key(cuda)[0]), None)
    if major and versions.key(driver) >= versions.key(major.min_driver):
        return CudaSupport.LIMITED
    return CudaSupport.NONE


def newest_cuda(driver: str) -> CudaToolkit | None:
    """The newest toolkit that runs on a driver in full. Raises ValueError."""
    found = [each for each in cuda_toolkits() if versions.key(each.driver) <= versions.key(driver)]
    return max(found, key=lambda each: (versions.key(each.cuda), each.update), default=None)


def first_cudas() -> tuple[FirstCuda, ...]:
    """Every compute capability whose first toolkit is known."""
    return loader.entries("cuda-compute-capabilities", FirstCuda)


def first_cuda(compute_capability: str) -> str | None:
    """The first toolkit for a compute capability (`8.6`)."""
    return next((each.first_cuda for each in first_cudas() if each.compute_capability == compute_capability), None)


def cuda_seen() -> tuple[CudaSeen, ...]:
    """Drivers with the CUDA version that they printed."""
    return loader.entries("cuda-seen", CudaSeen)


def all_kernel_modules() -> tuple[KernelModules, ...]:
    """The recommended flavours, architecture by architecture, the oldest first."""
    return tuple(
        KernelModules(**(row | {"compute": Modules(row["compute"]), "vgpu_host": Modules(row["vgpu_host"])}))
        for row in loader.read("kernel-modules").rows
    )


def kernel_modules(architecture: str) -> KernelModules | None:
    """The flavour of kernel modules for an architecture (rule X0)."""
    return next((each for each in all_kernel_modules() if each.architecture == architecture), None)
