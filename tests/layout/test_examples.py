"""The documents that ship as examples, laid out on the machines they are for."""

from __future__ import annotations

import pytest

from gpucarve.facts import pci
from gpucarve.layout.layouts import GpuLayout
from gpucarve.spec import load
from tests.house.tracked import ROOT
from tests.layout.hosts import function, host, laid_out, spots

FIRST, SECOND = "0000:17:00.0", "0000:65:00.0"
A100S = (function(FIRST, "A100-80"), function(SECOND, "A100-80"))
QUADRO = tuple(
    function(f"{FIRST[:-1]}{number}", device, device_class=of)
    for number, (device, of) in enumerate((("RTX 6000", "0300"), ("10f7", "0403"), ("1ad6", "0c03"), ("1ad7", "0c80")))
)
T4 = function(SECOND, "T4", iommu_group=2)

BOTH_SORTS = [
    "vgpu 2g.20gb@0:2 2g.20gb@2:2 2g.20gb@4:2 1g.10gb@6:1 A100D-2-20C x3 A100D-1-10C x1",
    "vgpu A100D-40C x2",
]
GIVEN = ["passthrough 17:00.0 17:00.1 17:00.2 17:00.3", "passthrough 65:00.0"]

MACHINES: dict[tuple[str, str], tuple[tuple[pci.Function, ...], list[str]]] = {
    ("demo", "vgpus"): (A100S, BOTH_SORTS),
    ("demo", "workstations"): ((*QUADRO, T4), GIVEN),
    ("first-vgpu", "vdi"): ((A100S[1],), ["vgpu A100D-40C x2"]),
    ("mig-backed-and-time-sliced", "multi-instance"): (A100S, BOTH_SORTS),
    ("passthrough", "workstations"): ((*QUADRO, T4), GIVEN),
    ("container-mig", "inference"): (
        (function(FIRST, "A30"),),
        ["mig 2g.12gb@0:2 1g.6gb@2:1 1g.6gb@3:1"],
    ),
    ("container-mig", "training"): (
        A100S,
        ["mig 2g.20gb@0:2 1g.10gb@2:1 1g.10gb@3:1 3g.40gb@4:4", "whole"],
    ),
    ("rollout", "vdi"): (
        (function(FIRST, "A40"), function(SECOND, "A40")),
        ["vgpu A40-8Q x6", "vgpu A40-8Q x6"],
    ),
}


def _told(layout: GpuLayout) -> str:
    types = dict.fromkeys(each.type_name for each in layout.slots)
    counts = (f"{name} x{sum(each.type_name == name for each in layout.slots)}" for name in types)
    functions = (str(each).removeprefix("0000:") for each in layout.functions)
    return " ".join((layout.kind.value, *functions, *spots(layout), *counts))


@pytest.mark.parametrize(("example", "pool"), MACHINES, ids=" ".join)
def test_an_example_has_the_layout_that_it_promises(example: str, pool: str) -> None:
    file = ROOT / "examples" / example / "fleet.yaml"
    spec = load(file.read_text(), file.name)
    functions, expected = MACHINES[example, pool]
    for cut in (each.cut for site in spec.sites for each in site.pools if each.name == pool):
        assert [_told(each) for each in laid_out(host(*functions), *cut)] == expected


def test_every_example_is_laid_out_here() -> None:
    files = {each.parent.name: load(each.read_text(), each.name) for each in (ROOT / "examples").glob("*/fleet.yaml")}
    pools = {
        (name, pool.name) for name, spec in files.items() for site in spec.sites for pool in site.pools if pool.cut
    }
    assert pools == set(MACHINES)
