"""vGPUs that are a number written to a virtual function."""

from __future__ import annotations

import pytest

from gpucarve.calls.replies import Failure, FailureKind
from gpucarve.facts import pci, vendor_vfio
from gpucarve.model.pci import PciAddress
from tests.facts.answers import Content, known, why

VF = PciAddress.parse("0000:82:00.4")
CURRENT, CREATABLE = (pci.sysfs(VF, f"nvidia/{name}") for name in ("current_vgpu_type", "creatable_vgpu_types"))
TYPES = "ID    : vGPU Name\n1148  : NVIDIA L40S-2Q\n1156  : NVIDIA L40S-48Q\n"


def test_the_type_and_those_that_could_be_are_read_by_their_short_names() -> None:
    found = known(vendor_vfio.PROBE, {CURRENT: "0\n", CREATABLE: TYPES})
    assert found.by_vf == {VF: vendor_vfio.VfVgpu(0, {"L40S-2Q": 1148, "L40S-48Q": 1156})}


def test_the_first_type_is_not_lost_where_the_driver_prints_no_header() -> None:
    found = known(vendor_vfio.PROBE, {CURRENT: "0\n", CREATABLE: TYPES.partition("\n")[2]})
    assert found.by_vf == {VF: vendor_vfio.VfVgpu(0, {"L40S-2Q": 1148, "L40S-48Q": 1156})}


def test_a_full_gpu_offers_nothing_more() -> None:
    found = known(vendor_vfio.PROBE, {CURRENT: "1156\n", CREATABLE: "ID    : vGPU Name\n"})
    assert found.by_vf == {VF: vendor_vfio.VfVgpu(1156)}


def test_a_host_without_it_has_none() -> None:
    assert known(vendor_vfio.PROBE) == vendor_vfio.VendorVfio()


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (CURRENT, "many\n"),
        (CURRENT, Failure(FailureKind.OTHER, "Input/output error")),
        (CREATABLE, "ID    : vGPU Name\nL40S-2Q\n"),
        (CREATABLE, None),
    ],
    ids=["no number", "error", "no type", "cut"],
)
def test_what_makes_no_sense_there_makes_it_unknown(path: str, content: Content) -> None:
    files: dict[str, Content] = {CURRENT: "0\n", CREATABLE: TYPES}
    why(vendor_vfio.PROBE, files | {path: content})
