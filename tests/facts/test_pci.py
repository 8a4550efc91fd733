"""NVIDIA's functions on the bus."""

from __future__ import annotations

import pytest

from gpucarve.calls.replies import Failure, FailureKind
from gpucarve.facts import pci
from gpucarve.facts.observed import Unreadable, observe
from gpucarve.model.pci import PciAddress
from tests.facts.answers import TARGET, Content, known, reply, why

GPU, VF = "0000:65:00.0", "0000:65:00.4"
AT = f"{pci.DEVICES}/{GPU}"
UEVENT = "DRIVER=nvidia\nPCI_CLASS=30200\nPCI_ID=10DE:20B5\nPCI_SUBSYS_ID=10DE:1533\nPCI_SLOT_NAME=0000:65:00.0\n"
FILES: dict[str, Content] = {
    f"{AT}/uevent": UEVENT,
    f"{AT}/sriov_totalvfs": "16\n",
    f"{AT}/sriov_numvfs": "2\n",
    f"{pci.DEVICES}/{VF}/uevent": UEVENT.replace("DRIVER=nvidia\n", ""),
    f"{pci.DEVICES}/0000:00:00.0/uevent": "PCI_CLASS=60000\nPCI_ID=8086:2020\n",
}
LINKS = {
    f"{AT}/iommu_group": "../../../kernel/iommu_groups/12",
    f"{AT}/virtfn10": "../0000:65:01.2",
    f"{AT}/virtfn0": f"../{VF}",
    f"{pci.DEVICES}/{VF}/physfn": f"../{GPU}",
}


def test_a_gpu_is_read_with_its_virtual_functions_in_their_order() -> None:
    found = known(pci.PROBE, FILES, LINKS)
    assert found.gpus == (
        pci.Function(
            PciAddress.parse(GPU),
            "20b5",
            "1533",
            "0302",
            "nvidia",
            12,
            16,
            2,
            (PciAddress.parse(VF), PciAddress.parse("0000:65:01.2")),
        ),
    )


def test_a_virtual_function_is_no_gpu_and_knows_its_own() -> None:
    found = known(pci.PROBE, FILES, LINKS).by_address[PciAddress.parse(VF)]
    assert not found.is_gpu
    assert found.physical_function == PciAddress.parse(GPU)
    assert (found.driver, found.iommu_group) == ("", None)


def test_functions_of_others_are_left_out() -> None:
    assert PciAddress.parse("0000:00:00.0") not in known(pci.PROBE, FILES, LINKS).by_address


def test_a_host_without_nvidia_has_no_functions() -> None:
    assert known(pci.PROBE).gpus == ()


@pytest.mark.parametrize("name", ["uevent", "sriov_totalvfs", "sriov_numvfs"])
@pytest.mark.parametrize("content", [None, Failure(FailureKind.OTHER, "Input/output error")], ids=["cut", "error"])
def test_an_attribute_that_is_there_and_cannot_be_read_makes_the_bus_unknown(name: str, content: Content) -> None:
    assert name in why(pci.PROBE, FILES | {f"{AT}/{name}": content}, LINKS)


def test_a_number_that_is_none_makes_the_bus_unknown() -> None:
    assert "does not read as expected" in why(pci.PROBE, FILES | {f"{AT}/sriov_numvfs": "many\n"}, LINKS)


def test_asking_for_a_function_that_is_not_there_names_the_address() -> None:
    observed = observe(TARGET, (pci.PROBE,), [reply(read, FILES, LINKS, (), ()) for read in pci.PROBE.reads])
    assert pci.at(observed, PciAddress.parse(GPU)).device == "20b5"
    with pytest.raises(Unreadable, match="0000:17:00"):
        pci.at(observed, PciAddress.parse("0000:17:00.0"))
