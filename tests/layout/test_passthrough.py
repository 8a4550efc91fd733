"""What leaves the host with a GPU: its group's functions, or those of its device while no group shows."""

from __future__ import annotations

from typing import Any

from gpucarve.facts import pci
from gpucarve.layout.layouts import CutKind, GpuLayout
from gpucarve.model.pci import PciAddress
from tests.layout.hosts import GPU, cut, function, host, laid_out, refused

AUDIO, USB, UCSI = (PciAddress.parse(f"0000:65:00.{number}") for number in (1, 2, 3))


def _quadro(**fields: Any) -> tuple[pci.Function, ...]:
    """The four functions of a Quadro RTX 6000, in no order."""
    rest = ((UCSI, "1ad7", "0c80", "nvidia-gpu"), (USB, "1ad6", "0c03", "xhci_hcd"), (AUDIO, "10f7", "0403", "snd"))
    return (
        *(function(str(at), device, device_class=of, driver=driver, **fields) for at, device, of, driver in rest),
        function(str(GPU), "RTX 6000", device_class="0300", **fields),
    )


def test_a_gpu_takes_every_function_of_its_group_itself_first() -> None:
    expected = GpuLayout(GPU, CutKind.PASSTHROUGH, functions=(GPU, AUDIO, USB, UCSI))
    assert laid_out(host(*_quadro()), cut(passthrough=True)) == (expected,)


def test_without_a_group_the_functions_of_the_same_device_are_meant() -> None:
    neighbour = function("0000:66:00.0", "1533", vendor="8086", device_class="0200", iommu_group=None)
    (found,) = laid_out(host(*_quadro(iommu_group=None), neighbour), cut(passthrough=True))
    assert found.functions == (GPU, AUDIO, USB, UCSI)


def test_bridges_of_the_group_stay() -> None:
    bridge = function("0000:64:00.0", "1901", vendor="8086", device_class="0604", driver="pcieport")
    (found,) = laid_out(host(*_quadro(), bridge), cut(passthrough=True))
    assert found.functions == (GPU, AUDIO, USB, UCSI)


def test_a_function_of_the_device_in_a_group_of_its_own_stays() -> None:
    gpu = function(str(GPU), "RTX 6000")
    (found,) = laid_out(
        host(gpu, function(str(AUDIO), "10f7", device_class="0403", iommu_group=2)), cut(passthrough=True)
    )
    assert found.functions == (GPU,)


def test_virtual_functions_of_the_gpu_are_no_companions() -> None:
    virtual = function("0000:65:00.4", "20b5", physical_function=GPU)
    assert laid_out(host(function(str(GPU), "A100-80"), virtual), cut(passthrough=True))[0].functions == (GPU,)


def test_another_device_in_the_group_is_named_with_its_driver() -> None:
    network = function("0000:66:00.0", "1521", vendor="8086", device_class="0200", driver="igb")
    (found,) = refused(host(*_quadro(), network), cut(passthrough=True))
    assert found.fact == (
        "IOMMU group 1 of 0000:65:00.0 (Quadro RTX 6000) also holds 0000:66:00.0 (8086:1521, class 0200, driver igb)"
    )


def test_another_gpu_in_the_group_is_another_device_too() -> None:
    other = function("0000:66:00.0", "T4", driver="")
    (found,) = refused(host(*_quadro(), other), cut(str(GPU), passthrough=True))
    assert "0000:66:00.0 (10de:1eb8, class 0302, no driver)" in found.fact


def test_a_gpu_that_the_catalog_does_not_know_can_be_passed_through() -> None:
    assert laid_out(host(function(str(GPU), "unknown")), cut(passthrough=True))[0].functions == (GPU,)
