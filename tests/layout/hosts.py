"""Hosts to be laid out: the GPUs on their bus, what the driver says of MIG, what is ours.

Boundary: values; the catalog is the real one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gpucarve import catalog
from gpucarve.facts import mig, ours, pci
from gpucarve.facts.observed import Observed
from gpucarve.layout.cuts import lay_out
from gpucarve.layout.layouts import GpuLayout, HostLayout
from gpucarve.model.findings import Finding
from gpucarve.model.hosts import Target
from gpucarve.model.mig import MigProfileName, Placement
from gpucarve.model.pci import PciAddress
from gpucarve.model.vgpu import VgpuTypeName
from gpucarve.resources.host import instances
from gpucarve.spec import Cut
from gpucarve.spec.selectors import read

HOST = Target("lab", "gpu-1")
GPU = PciAddress.parse("0000:65:00.0")
IDS = {
    "A30": "20b7",
    "A100-40": "20f1",
    "A100-80": "20b5",
    "A100-SXM": "20b2",
    "H100": "2331",
    "GB200": "2941",
    "RTX PRO 6000": "2bb5",
    "RTX PRO 4500": "2c31",
    "RTX 6000": "1e30",
    "T4": "1eb8",
    "A40": "2235",
    "unknown": "ffff",
}


def function(address: str, card: str, **fields: Any) -> pci.Function:
    """A GPU of a kind, or a function of another device id."""
    given: dict[str, Any] = {"subsystem": "0000", "device_class": "0302", "driver": "nvidia", "iommu_group": 1} | fields
    return pci.Function(PciAddress.parse(address), IDS.get(card, card), **given)


def host(
    *functions: pci.Function, told: Iterable[mig.GpuMig] = (), claims: Mapping[str, dict[str, Any]] | None = None
) -> Observed:
    """A snapshot of such a host."""
    facts: dict[str, object] = {
        pci.PROBE.name: pci.Functions({each.address: each for each in functions}),
        mig.PROBE.name: mig.Mig({each.gpu: each for each in told}),
        ours.PROBE.name: ours.Ours(claims=dict(claims or {})),
    }
    return Observed(HOST, facts)


def card(name: str, **fields: Any) -> Observed:
    """A host with one such GPU."""
    return host(function(str(GPU), name, **fields))


def cut(selector: str | int = "all", **kind: Any) -> Cut:
    """An entry, its kind as in the document: `mig={"1g.10gb": 2}`."""
    names = {"mig": MigProfileName.parse, "vgpu": VgpuTypeName.parse}
    values: dict[str, Any] = {
        word: {names[word](name): count for name, count in value.items()} if word in names else value
        for word, value in kind.items()
    }
    return Cut.model_construct(gpu=read(selector), **values)


def laid_out(observed: Observed, *cuts: Cut) -> tuple[GpuLayout, ...]:
    """The layout of a host that has one."""
    found = lay_out(cuts, observed, catalog.load())
    assert isinstance(found, HostLayout), found
    return found.gpus


def refused(observed: Observed, *cuts: Cut) -> tuple[Finding, ...]:
    """Why a host has none; each finding names the fact, the rule and the fix."""
    found = lay_out(cuts, observed, catalog.load())
    assert not isinstance(found, HostLayout), found
    assert all((each.target, each.check) == (HOST, "layout") and each.rule and each.fix for each in found), found
    return found


def spots(layout: GpuLayout) -> list[str]:
    """Its instances as `PROFILE@START:SIZE`."""
    return [f"{each.profile}@{each.placement}" for each in layout.instances]


def standing(*texts: str, on: PciAddress = GPU) -> mig.GpuMig:
    """What the driver says of a GPU in MIG mode with such instances."""
    named = [text.partition("@") for text in texts]
    made = (
        mig.GpuInstance(number, MigProfileName.parse(name), 0, Placement.parse(at))
        for number, (name, _, at) in enumerate(named)
    )
    return mig.GpuMig(on, True, True, tuple(made))


def claim_of(text: str, gpu: PciAddress = GPU) -> str:
    """The name of the claim that the resource of such an instance makes."""
    profile, _, at = text.partition("@")
    return instances.key(HOST, gpu, MigProfileName.parse(profile), Placement.parse(at)).local
