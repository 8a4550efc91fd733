"""An explicit cut, checked against the GPUs a host really has, and placed on them.

Boundary: one host; each kind of cut is decided in a module of its own, every finding of the host is told at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gpucarve.catalog import Catalog
from gpucarve.facts import pci
from gpucarve.facts.observed import Observed, Unknown
from gpucarve.layout import geometry, passthrough, vgpus
from gpucarve.layout.cards import Card, card, refused
from gpucarve.layout.layouts import CutKind, GpuLayout, HostLayout
from gpucarve.layout.selection import select
from gpucarve.model.findings import Finding, Verdict
from gpucarve.model.mig import MigProfileName
from gpucarve.spec import Cut


def lay_out(cuts: Sequence[Cut], observed: Observed, catalog: Catalog) -> HostLayout | tuple[Finding, ...]:
    """The layout of one host, or every reason why there is none."""
    functions = observed.get(pci.PROBE)
    if isinstance(functions, Unknown):
        fact = f"the PCI bus cannot be read: {functions.why}"
        return (refused(observed.target, fact, "", "", Verdict.UNKNOWN),)
    selection = select(cuts, functions, catalog, observed.target)
    found = [_gpu(cut, card(gpu, functions, observed, catalog)) for gpu, cut in selection.chosen]
    findings = (*selection.findings, *(each for each in found if isinstance(each, Finding)))
    return findings or HostLayout(tuple(each for each in found if isinstance(each, GpuLayout)))


def _gpu(cut: Cut, gpu: Card) -> GpuLayout | Finding:
    if cut.vgpu is not None:
        return vgpus.lay_out(gpu, cut.vgpu)
    if cut.mig is not None:
        return _mig(gpu, cut.mig)
    if cut.passthrough:
        return passthrough.lay_out(gpu)
    mode, reset = geometry.mode(gpu, wanted=False)
    return GpuLayout(gpu.address, CutKind.WHOLE, mode, reset)


def _mig(gpu: Card, counts: Mapping[MigProfileName, int]) -> GpuLayout | Finding:
    found = geometry.instances(gpu, counts, compute=True)
    if isinstance(found, Finding):
        return found
    mode, reset = geometry.mode(gpu, wanted=True)
    return GpuLayout(gpu.address, CutKind.MIG, mode, reset, instances=found)
