"""What only the firmware's setup can change, asked of hosts that are to serve guests."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gpucarve.checks import firmware
from gpucarve.facts import boot
from gpucarve.facts.observed import Unknown, Unreadable
from gpucarve.resources.host import gpu_instance, kernel_arguments, mig_mode, slots, vfio_binding, virtual_functions
from tests.resources.sights import Sight

FOR_GUESTS = (slots.KIND, virtual_functions.KIND, vfio_binding.KIND)
ON = boot.Boot("b1", "6.1", ("ro",), "GenuineIntel", "DMAR", virtualization=True)


@pytest.mark.parametrize("kind", FOR_GUESTS)
@pytest.mark.parametrize(
    ("running", "found"),
    [
        (ON, []),
        (replace(ON, iommu_table="IVRS"), []),
        (replace(ON, iommu_table=""), [("iommu", False)]),
        (replace(ON, virtualization=False), [("virtualization", True)]),
        (replace(ON, iommu_table="", virtualization=False), [("iommu", False), ("virtualization", True)]),
    ],
)
def test_guests_need_an_iommu_and_had_better_have_virtualization(
    kind: str, running: boot.Boot, found: list[tuple[str, bool]]
) -> None:
    findings = list(firmware.findings({kind}, Sight(boot=running).observed()))
    assert [(each.check, each.warning) for each in findings] == found
    assert all(each.fix for each in findings)


@pytest.mark.parametrize("kind", [mig_mode.KIND, gpu_instance.KIND, kernel_arguments.KIND])
def test_containers_and_what_is_taken_away_need_neither(kind: str) -> None:
    assert list(firmware.findings({kind}, Sight(boot=Unknown("no /proc")).observed())) == []


def test_a_boot_that_cannot_be_read_is_never_taken_for_one_without() -> None:
    with pytest.raises(Unreadable):
        list(firmware.findings({slots.KIND}, Sight(boot=Unknown("no /proc")).observed()))
