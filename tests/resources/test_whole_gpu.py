"""A GPU that containers use whole: whose driver has it, and what stands on it."""

from __future__ import annotations

import pytest

from gpucarve.facts.driver import Driver
from gpucarve.resources.decisions import Outlook
from gpucarve.resources.host import whole_gpu
from gpucarve.resources.host.whole_gpu import WholeGpu
from tests.resources.sights import FOREIGN, GPU, HOST, VFS, Sight, change, decide, fact, functions, settled, vgpus

KEY = whole_gpu.key(HOST, GPU)
WHOLE = WholeGpu(KEY, GPU)
ABSENT = Driver("", sriov_manage=False, mdevctl=False, update_grub=True)


def test_it_is_as_wanted_once_nvidias_driver_has_it() -> None:
    settled(decide(WHOLE))


@pytest.mark.parametrize("driver", ["nouveau", "vfio-pci", ""])
def test_under_another_driver_it_is_not_and_that_is_named_unless_something_comes_before(driver: str) -> None:
    sight = Sight(functions=functions(0, bound=driver))
    assert f"is bound to {driver or 'no driver'}" in fact(decide(WHOLE, sight))
    decision = change(decide(WHOLE, sight, Outlook(reboot=True)))
    assert (decision.before, decision.work) == (driver or "no driver", None)


@pytest.mark.parametrize("outlook", [Outlook(), Outlook(reboot=True)])
def test_no_boot_brings_a_driver_that_is_not_installed(outlook: Outlook) -> None:
    sight = Sight(functions=functions(0, bound="nouveau"), driver=ABSENT)
    assert "NVIDIA's driver is not installed" in fact(decide(WHOLE, sight, outlook))


def test_a_vgpu_on_it_is_named() -> None:
    assert f"vGPU {FOREIGN}, which gpucarve did not make, stands on {GPU}" in fact(
        decide(WHOLE, Sight(mediated=vgpus({FOREIGN: VFS[1]})))
    )
