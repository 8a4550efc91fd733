"""Whether what was asked for stands, an answer for each resource."""

from __future__ import annotations

from gpucarve.checks.verification import verify
from gpucarve.facts.observed import Unknown
from gpucarve.model.findings import Verdict
from gpucarve.plan.making import Aim, make
from gpucarve.plan.plans import Purpose
from gpucarve.resources.decisions import Resource
from gpucarve.resources.host import kernel_arguments, slots
from gpucarve.resources.host.kernel_arguments import KernelArguments
from gpucarve.resources.host.vgpu import Vgpu
from tests.resources.sights import GPU, HOST, TYPE, VFS, Sight, claim, uuid, vgpus

RESOURCES: tuple[Resource, ...] = (
    KernelArguments(kernel_arguments.key(HOST), ("intel_iommu=on", "iommu=pt")),
    *(Vgpu(slots.key(HOST, GPU, TYPE, number), GPU, TYPE, 3) for number in range(3)),
)


def test_what_stands_holds_what_is_missing_differs_and_what_cannot_be_read_is_unknown() -> None:
    devices = vgpus({uuid(0): VFS[0], uuid(2): VFS[2]}, {uuid(0): VFS[0]}, type_id="nvidia-697")
    sight = Sight(claims=claim(0), mediated=devices)
    observed = {HOST: sight.observed()}
    holds, first, second, third = verify(make(Aim("lab", "d", Purpose.APPLY, RESOURCES), observed))
    assert (holds.verdict, holds.check) == (Verdict.HOLDS, "kernel-arguments")
    assert (first.verdict, first.check) == (Verdict.HOLDS, f"vgpu {GPU}#{TYPE}.0")
    assert second.verdict is Verdict.DIFFERS
    assert (second.fact, second.rule[:6]) == ("found none", "wanted")
    assert "apply" in second.fix
    assert third.verdict is Verdict.DIFFERS
    unknown = {HOST: Sight(claims=claim(0), mediated=Unknown("why")).observed()}
    found = verify(make(Aim("lab", "d", Purpose.APPLY, RESOURCES), unknown))
    assert [each.verdict for each in found] == [Verdict.HOLDS, *[Verdict.UNKNOWN] * 3]
