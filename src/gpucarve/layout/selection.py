"""Which entry of a cut each GPU of a host gets.

An entry that names one GPU, by address or index, comes before one that names a model, and that before `all`: the wider
one is for the GPUs that are left. Two that name the same GPU, or two models that mean it, contradict each other.

Boundary: matching alone; what the entry asks of the GPU is not looked at. An index counts GPUs in address order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gpucarve.catalog import Catalog
from gpucarve.facts import pci
from gpucarve.layout.cards import counted, refused
from gpucarve.model.findings import Finding
from gpucarve.model.hosts import Target
from gpucarve.spec import Cut, EveryGpu, GpuAt, GpuIndex, GpuModelled


@dataclass(frozen=True, slots=True)
class Selection:
    """Each GPU that gets a cut, with it, in address order; and what is wrong with the choice."""

    chosen: tuple[tuple[pci.Function, Cut], ...]
    findings: tuple[Finding, ...]


def select(cuts: Sequence[Cut], functions: pci.Functions, catalog: Catalog, target: Target) -> Selection:
    """The narrowest entry of each GPU."""
    gpus = sorted(functions.gpus, key=lambda gpu: gpu.address)
    meant = [(cut, _meant(cut, gpus, catalog)) for cut in cuts]
    chosen: list[tuple[pci.Function, Cut]] = []
    findings: list[Finding] = []
    for cut, found in meant:
        if not found and not isinstance(cut.gpu, EveryGpu):
            findings.append(_for_nothing(cut, functions, gpus, catalog, target))
    for gpu in gpus:
        fitting = [cut for cut, found in meant if gpu in found]
        closest = min((_width(cut) for cut in fitting), default=0)
        narrowest = [cut for cut in fitting if _width(cut) == closest]
        if len(narrowest) > 1:
            findings.append(_twice(gpu, narrowest, target))
        elif narrowest:
            chosen.append((gpu, narrowest[0]))
    if not gpus and not findings:
        findings.append(refused(target, "it has no NVIDIA GPU", "", "take it out of the pool"))
    return Selection(tuple(chosen), tuple(findings))


def _meant(cut: Cut, gpus: Sequence[pci.Function], catalog: Catalog) -> Sequence[pci.Function]:
    match cut.gpu:
        case GpuAt(address):
            return [gpu for gpu in gpus if gpu.address == address]
        case GpuIndex(number):
            return gpus[number : number + 1]
        case GpuModelled() as modelled:
            known = [(gpu, catalog.gpu(gpu.device, gpu.subsystem)) for gpu in gpus]
            return [gpu for gpu, model in known if model is not None and model.id in modelled.ids]
        case EveryGpu():
            return gpus


def _width(cut: Cut) -> int:
    match cut.gpu:
        case GpuAt() | GpuIndex():
            return 1
        case GpuModelled():
            return 2
        case EveryGpu():
            return 3


def _twice(gpu: pci.Function, cuts: Sequence[Cut], target: Target) -> Finding:
    words = " and by ".join(f"`{cut.gpu}`" for cut in cuts)
    fact = f"{gpu.address} is chosen by {words}"
    return refused(target, fact, "a GPU becomes one thing", "give it one entry, with all that it is to carry")


def _for_nothing(
    cut: Cut, functions: pci.Functions, gpus: Sequence[pci.Function], catalog: Catalog, target: Target
) -> Finding:
    """Why an entry that names a GPU is for none of the host."""
    models = [(gpu, catalog.gpu(gpu.device, gpu.subsystem)) for gpu in gpus]
    listed = [f"{gpu.address} ({model.name if model else 'not in the catalog'})" for gpu, model in models]
    found = f"its GPUs: {', '.join(listed) or 'none'}"
    match cut.gpu:
        case GpuAt(address) if other := functions.by_address.get(address):
            fact = f"{address} is no GPU but a device of class {other.device_class}"
            return refused(target, fact, found, "correct the address")
        case GpuIndex(number):
            fact = f"there is no GPU {number}: it has {counted(len(gpus), 'GPU')}, and the first is 0"
            return refused(target, fact, found, "correct the index")
        case GpuModelled(word):
            fix = "correct the model, or put the host into a pool of its own"
            return refused(target, f"none of its GPUs is called {word}", found, fix)
        case _:
            return refused(target, f"there is no NVIDIA GPU at {cut.gpu}", found, "correct the address")
