"""Whether the driver and the tools that a draft counts on are there, and fit the GPUs.

Boundary: rules on steps and one snapshot; which versions go together is the catalog's. A driver that is installed and
not loaded (nouveau holds the GPU until the next boot) is told by its tools.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gpucarve import catalog
from gpucarve.catalog import GpuModel, versions, vgpu_software
from gpucarve.facts import driver, pci
from gpucarve.facts.observed import Observed
from gpucarve.model.changes import Action
from gpucarve.model.findings import Finding, Verdict
from gpucarve.model.pci import PciAddress
from gpucarve.plan.plans import Step
from gpucarve.resources.host import instances, mig_mode, slots, virtual_functions

_BY_DRIVER = frozenset({virtual_functions.KIND, slots.KIND, mig_mode.KIND, instances.KIND})
_VGPU = frozenset({virtual_functions.KIND, slots.KIND})
_MIG = frozenset({mig_mode.KIND, instances.KIND})


def findings(steps: Sequence[Step], observed: Observed) -> Iterator[Finding]:
    """Why the driver of this host cannot do what these steps ask of it."""
    kinds = {step.key.kind for step in steps if step.action in (Action.CREATE, Action.CHANGE)}
    if _BY_DRIVER.isdisjoint(kinds):
        return
    tools = observed.require(driver.PROBE)
    if kinds & _VGPU and not tools.sriov_manage:
        fact = f"{driver.SRIOV_MANAGE} is missing"
        yield _finding(observed, fact, "vGPUs need NVIDIA's vGPU host driver", "install it, of a release for this GPU")
    elif kinds & _MIG and not tools.nvidia_smi:
        yield _finding(observed, "nvidia-smi is missing", "MIG is set up by NVIDIA's driver", "install the driver")
    if slots.KIND in kinds and not tools.mdevctl:
        yield _finding(observed, "mdevctl is missing", "it makes the vGPUs", "install the package mdevctl", "mdevctl")
    if tools.version:
        for address in sorted({_gpu(step) for step in steps if step.key.kind in _BY_DRIVER}):
            function = observed.require(pci.PROBE).by_address.get(address)
            model = catalog.load().gpu(function.device, function.subsystem) if function else None
            if model is not None:
                on_gpu = {step.key.kind for step in steps if step.key.kind in _BY_DRIVER and _gpu(step) == address}
                yield from _too_old(model, address, tools.version, bool(on_gpu & _VGPU), bool(on_gpu & _MIG), observed)


def _too_old(
    model: GpuModel, gpu: PciAddress, version: str, vgpu: bool, mig: bool, observed: Observed
) -> Iterator[Finding]:
    where = f"{gpu} ({model.name})"
    if model.min_driver and versions.key(version) < versions.key(model.min_driver):
        fact = f"{where} runs under driver {version}"
        yield _finding(observed, fact, f"it needs {model.min_driver} or newer", "install a newer driver")
    if mig and version in model.mig_broken_drivers:
        yield _finding(observed, f"{where} runs under driver {version}", "MIG does not work with it", "install another")
    first = vgpu_software.first_release(model.id) if vgpu else None
    branch = vgpu_software.branch_of_driver(version) if vgpu else None
    if first and branch and branch.major < versions.key(first)[0]:
        fact = f"{where} runs under vGPU software {branch.major} (driver {version})"
        yield _finding(observed, fact, f"release {first} is the first for it", "install a newer vGPU host driver")


def _gpu(step: Step) -> PciAddress:
    return PciAddress.parse(step.key.subject.partition("#")[0])


def _finding(observed: Observed, fact: str, rule: str, fix: str, check: str = "driver") -> Finding:
    return Finding(observed.target, check, Verdict.DIFFERS, fact, rule, fix)
