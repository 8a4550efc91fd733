"""The functions on the bus: NVIDIA's, and their neighbours."""

from __future__ import annotations

import pytest

from gpucarve.calls.replies import Failure, FailureKind
from gpucarve.facts import pci
from gpucarve.facts.observed import Unreadable, observe
from gpucarve.model.pci import PciAddress
from tests.facts.answers import TARGET, Content, known, reply, why

GPU, VF, PORT = "0000:65:00.0", "0000:65:00.4", "0000:64:00.0"
AT = f"{pci.DEVICES}/{GPU}"
UEVENT = "DRIVER=nvidia\nPCI_CLASS=30200\nPCI_ID=10DE:20B5\nPCI_SUBSYS_ID=10DE:1533\nPCI_SLOT_NAME=0000:65:00.0\n"
FILES: dict[str, Content] = {
    f"{AT}/uevent": UEVENT,
    f"{AT}/sriov_totalvfs": "16\n",
    f"{AT}/sriov_numvfs": "2\n",
    f"{pci.DEVICES}/{VF}/uevent": UEVENT.replace("DRIVER=nvidia\n", ""),
    f"{pci.DEVICES}/0000:00:00.0/uevent": "PCI_CLASS=60000\nPCI_ID=8086:2020\n",
    f"{pci.DEVICES}/{PORT}/uevent": "DRIVER=pcieport\nPCI_CLASS=60400\nPCI_ID=8086:347A\n",
}
LINKS = {
    f"{AT}/iommu_group": "../../../kernel/iommu_groups/12",
    f"{pci.DEVICES}/{PORT}/iommu_group": "../../../kernel/iommu_groups/12",
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


def test_functions_of_others_stand_apart_from_nvidia_s() -> None:
    found, other = known(pci.PROBE, FILES, LINKS), PciAddress.parse("0000:00:00.0")
    assert other not in found.by_address
    assert (found.every[other].vendor, found.every[other].device) == ("8086", "2020")
    assert {each.vendor for each in found.by_address.values()} == {pci.NVIDIA}


def test_a_group_is_everything_in_it_with_bridges_marked() -> None:
    members = known(pci.PROBE, FILES, LINKS).members(12)
    assert [(str(each.address), each.is_bridge) for each in members] == [(PORT, True), (GPU, False)]


def test_a_display_of_another_vendor_is_no_gpu() -> None:
    files: dict[str, Content] = {f"{pci.DEVICES}/0000:03:00.0/uevent": "PCI_CLASS=30000\nPCI_ID=102B:0536\n"}
    found = known(pci.PROBE, files)
    assert not found.gpus
    assert not found.every[PciAddress.parse("0000:03:00.0")].is_gpu


@pytest.mark.parametrize(
    ("name", "content", "field", "value"),
    [
        ("driver_override", "(null)\n", "override", ""),
        ("driver_override", "vfio-pci\n", "override", "vfio-pci"),
        ("numa_node", "1\n", "numa_node", 1),
        ("numa_node", "-1\n", "numa_node", None),
        ("boot_vga", "1\n", "boot_vga", True),
        ("boot_vga", "0\n", "boot_vga", False),
    ],
)
def test_an_attribute_is_read_and_its_sign_for_nothing_is_nothing(
    name: str, content: str, field: str, value: object
) -> None:
    found = known(pci.PROBE, FILES | {f"{AT}/{name}": content}, LINKS).by_address[PciAddress.parse(GPU)]
    assert getattr(found, field) == value


def test_a_function_that_goes_away_while_we_look_is_none() -> None:
    files = {path: text for path, text in FILES.items() if path != f"{AT}/uevent"}
    assert PciAddress.parse(GPU) not in known(pci.PROBE, files, LINKS).every


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
