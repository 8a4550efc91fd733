"""An explicit cut, checked against the GPUs a host really has.

Rules (NVIDIA vGPU guide): a GPU offers the types of its own board; without mixed-size mode all vGPUs of one GPU have
one framebuffer size; their number ends at the type's maximum; this slice makes vGPUs on SR-IOV virtual functions only.

Boundary: decides how many of what; which virtual function a slot gets is known only on the host.
"""

from __future__ import annotations

from collections.abc import Sequence

from gpucarve.catalog import Catalog, GpuModel, VgpuType
from gpucarve.facts import pci
from gpucarve.facts.observed import Observed, Unknown
from gpucarve.layout.layouts import CutKind, GpuLayout, HostLayout, Slot
from gpucarve.model.findings import Finding, Verdict
from gpucarve.model.pci import PciAddress
from gpucarve.spec import Cut, EveryGpu, GpuAt, GpuIndex, GpuModelled


def lay_out(cuts: Sequence[Cut], observed: Observed, catalog: Catalog) -> HostLayout | tuple[Finding, ...]:
    """The layout of one host, or every reason why there is none."""
    functions = observed.get(pci.PROBE)
    if isinstance(functions, Unknown):
        return (_finding(observed, Verdict.UNKNOWN, f"the PCI bus cannot be read: {functions.why}", "", ""),)
    findings: list[Finding] = []
    layouts: dict[PciAddress, GpuLayout] = {}
    named = {gpu.address for cut in cuts if cut.gpu != EveryGpu() for gpu in _selected(cut, functions, catalog)}
    for cut in cuts:
        chosen = [
            gpu for gpu in _selected(cut, functions, catalog) if cut.gpu != EveryGpu() or gpu.address not in named
        ]
        for gpu in chosen:
            result = _gpu(cut, gpu, observed, catalog)
            if isinstance(result, Finding):
                findings.append(result)
            else:
                layouts[gpu.address] = result
        if not chosen and not isinstance(cut.gpu, EveryGpu):
            found = ", ".join(str(each.address) for each in functions.gpus) or "none"
            fact = f"there is no NVIDIA GPU at {cut.gpu}"
            findings.append(_finding(observed, Verdict.DIFFERS, fact, f"its GPUs: {found}", "correct the address"))
    if not functions.gpus and not findings:
        findings.append(_finding(observed, Verdict.DIFFERS, "it has no NVIDIA GPU", "", "take it out of the pool"))
    return tuple(findings) or HostLayout(tuple(layouts[address] for address in sorted(layouts)))


def _selected(cut: Cut, functions: pci.Functions, catalog: Catalog) -> Sequence[pci.Function]:
    """The GPUs a cut is for; of `all`, only those that no other entry names are cut by it."""
    match cut.gpu:
        case EveryGpu():
            return functions.gpus
        case GpuAt(address):
            gpu = functions.by_address.get(address)
            return (gpu,) if gpu else ()
        case GpuIndex(number):
            return functions.gpus[number : number + 1]
        case GpuModelled() as modelled:
            models = [(gpu, catalog.gpu(gpu.device, gpu.subsystem)) for gpu in functions.gpus]
            return [gpu for gpu, model in models if model is not None and model.id in modelled.ids]


def _gpu(cut: Cut, gpu: pci.Function, observed: Observed, catalog: Catalog) -> GpuLayout | Finding:
    if cut.vgpu is None:
        fact, fix = f"{gpu.address} is to be cut by `{cut.kind}`", "cut it by `vgpu`"
        return _finding(observed, Verdict.DIFFERS, fact, "this release lays out vGPUs only", fix)
    model = catalog.gpu(gpu.device, gpu.subsystem)
    if model is None:
        fact = f"{gpu.address} is an NVIDIA device {gpu.device}, subsystem {gpu.subsystem}, that is not in the catalog"
        return _finding(observed, Verdict.UNKNOWN, fact, "what it can carry is not known", "report its ids")
    if not model.sriov_vgpu:
        fact = f"{gpu.address} ({model.name}) does not make vGPUs on virtual functions"
        return _finding(
            observed, Verdict.DIFFERS, fact, "this release makes vGPUs through SR-IOV only", "cut another GPU"
        )
    types = [(catalog.vgpu_type(name), name, count) for name, count in cut.vgpu.items()]
    for known, name, _ in types:
        if known is None or known.board not in model.boards:
            offered = ", ".join(str(each.name) for board in model.boards for each in catalog.vgpu_types(board))
            fact = f"{gpu.address} ({model.name}) does not offer {name}"
            return _finding(observed, Verdict.DIFFERS, fact, f"it offers {offered}", "choose one of those types")
    return _slots(gpu, model, [(known, count) for known, _, count in types if known], observed)


def _slots(
    gpu: pci.Function, model: GpuModel, types: Sequence[tuple[VgpuType, int]], observed: Observed
) -> GpuLayout | Finding:
    total = sum(count for _, count in types)
    capacity = min(known.max_per_gpu for known, _ in types)
    if len({known.framebuffer_mib for known, _ in types}) > 1:
        both = " and ".join(str(known.name) for known, _ in types)
        fact = f"{gpu.address}: {both} differ in framebuffer size"
        rule = "all vGPUs of one GPU have one framebuffer size, unless the GPU is in mixed-size mode"
        return _finding(observed, Verdict.DIFFERS, fact, rule, "cut another GPU for the other size")
    if total > capacity:
        fact = f"{gpu.address} ({model.name}) holds {capacity} of {types[0][0].name}, {total} are asked for"
        return _finding(
            observed, Verdict.DIFFERS, fact, "the driver makes no more", "ask for fewer, or for a smaller type"
        )
    slots = tuple(Slot(str(known.name), number, capacity) for known, count in types for number in range(count))
    return GpuLayout(gpu.address, CutKind.VGPU, slots=slots)


def _finding(observed: Observed, verdict: Verdict, fact: str, rule: str, fix: str) -> Finding:
    return Finding(observed.target, "layout", verdict, fact, rule, fix)
