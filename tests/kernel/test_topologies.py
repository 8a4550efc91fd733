"""Each topology comes up as the machine that it claims to be, and gpucarve's discover sees what its kernel says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kernel import discovering
from tests.kernel.bench import IOMMU_ON
from tests.kernel.guest import Guest, GuestError
from tests.kernel.machine import (
    AMD,
    DEMO,
    GPU_ADDRESS,
    NOIOMMU,
    NVME,
    NVME_ADDRESS,
    PLAIN,
    QUADRO,
    RTX6000,
    VENDOR,
    Topology,
)
from tests.kernel.missing import needed

PCI = "/sys/bus/pci/devices"
GPU = f"{PCI}/{GPU_ADDRESS}"
NVME_AT = f"{PCI}/{NVME_ADDRESS}"
SRIOV_MANAGE = "/usr/lib/nvidia/sriov-manage"
UUIDS = [f"3d1c9a52-7b64-4a0e-9a11-00000000000{number}" for number in range(3)]


class Rack:
    """Room for one guest: another topology takes the place of the one before."""

    def __init__(self) -> None:
        self._guest: Guest | None = None

    def guest(self, topology: Topology, state: str | None = None) -> Guest:
        """The guest of this topology, booted; as the test before left it where that had it too."""
        if self._guest is None or self._guest.topology != topology:
            self.clear()
            self._guest = Guest(needed(), topology=topology, state=state)
            self._guest.start(None)
        return self._guest

    def clear(self) -> None:
        """Take the guest away."""
        if self._guest is not None:
            self._guest.close()
            self._guest = None


@pytest.fixture(scope="module")
def rack() -> Iterator[Rack]:
    """A rack, empty at the end."""
    rack = Rack()
    yield rack
    rack.clear()


def refusal(guest: Guest, command: str) -> str:
    """What bash says of a command that fails."""
    done = guest.ssh(("/bin/bash", "-c", command), check=False)
    assert done.returncode != 0, f"{command} went through"
    return done.stderr


def driver(guest: Guest, address: str) -> str:
    """The driver of a function, empty for none."""
    return guest.shell(f"basename $(readlink {PCI}/{address}/driver) 2>/dev/null || true").strip()


def discover_equals_kernel(guest: Guest, folder: Path) -> discovering.Seen:
    """Compare, and return what both say."""
    kernel = discovering.as_shown(discovering.kernel(guest))
    assert discovering.discovered(discovering.observe(guest, folder)) == kernel
    assert len(kernel.functions) > 8
    return kernel


def test_plain_has_nothing_of_nvidias(rack: Rack, tmp_path: Path) -> None:
    guest = rack.guest(PLAIN)
    assert guest.shell("lspci -n -d 10de:") == ""
    assert "No devices were found" in guest.ssh(("nvidia-smi", "mig", "-lgi"), check=False).stdout
    seen = discover_equals_kernel(guest, tmp_path)
    assert not seen.mig
    assert not seen.types


def test_without_iommu_there_are_no_groups_and_vfio_pci_takes_nothing(rack: Rack, tmp_path: Path) -> None:
    guest = rack.guest(NOIOMMU, IOMMU_ON)
    assert "intel_iommu=on" in guest.shell("cat /proc/cmdline")
    assert guest.shell("ls /sys/kernel/iommu_groups") == ""
    guest.shell(f"{SRIOV_MANAGE} -e {GPU_ADDRESS} 2>/dev/null")
    function = guest.shell(f"basename $(readlink {GPU}/virtfn0)").strip()
    assert driver(guest, function) == ""
    guest.shell(f"modprobe vfio-pci; echo vfio-pci >{PCI}/{function}/driver_override")
    guest.shell(f"echo {function} >/sys/bus/pci/drivers_probe")
    assert driver(guest, function) == ""
    assert f"vfio-pci: probe of {function} failed with error -22" in guest.shell("dmesg")
    seen = discover_equals_kernel(guest, tmp_path)
    assert len(seen.virtual[GPU_ADDRESS]) == 20
    assert not seen.groups
    assert not seen.types


def test_amd_has_an_amd_cpu_and_groups_without_any_argument(rack: Rack, tmp_path: Path) -> None:
    guest = rack.guest(AMD)
    assert "intel_iommu=off" in guest.shell("cat /proc/cmdline")
    assert "AuthenticAMD" in guest.shell("cat /proc/cpuinfo")
    assert "AMD-Vi" in guest.shell("dmesg")
    guest.shell(f"{SRIOV_MANAGE} -e {GPU_ADDRESS} 2>/dev/null")
    seen = discover_equals_kernel(guest, tmp_path)
    assert len(seen.virtual[GPU_ADDRESS]) == 20
    assert seen.groups[GPU_ADDRESS] == [GPU_ADDRESS]
    assert len(seen.types) == 20 * 13
    with pytest.raises(Exception, match="amd-iommu"):
        guest.snapshot("any")


def test_nvme_has_a_real_driver_with_virtual_functions_and_its_refusals(rack: Rack, tmp_path: Path) -> None:
    guest = rack.guest(NVME, IOMMU_ON)
    assert driver(guest, NVME_ADDRESS) == "nvme"
    # The functions that come up are no controllers yet, and nvme would try each for long.
    guest.shell(f"echo 0 >{NVME_AT}/sriov_drivers_autoprobe; echo 2 >{NVME_AT}/sriov_numvfs")
    assert "Device or resource busy" in refusal(guest, f"echo 3 >{NVME_AT}/sriov_numvfs")
    assert "Numerical result out of range" in refusal(guest, f"echo 5 >{NVME_AT}/sriov_numvfs")
    function = guest.shell(f"basename $(readlink {NVME_AT}/virtfn1)").strip()
    guest.shell(f"modprobe vfio-pci; echo vfio-pci >{PCI}/{function}/driver_override")
    guest.shell(f"echo {function} >/sys/bus/pci/drivers_probe")
    assert driver(guest, function) == "vfio-pci"
    seen = discover_equals_kernel(guest, tmp_path)
    assert len(seen.virtual[NVME_ADDRESS]) == 2
    assert seen.groups[function] == [function]
    guest.shell(f"echo 0 >{NVME_AT}/sriov_numvfs; echo {NVME_ADDRESS} >/sys/bus/pci/drivers/nvme/unbind")
    assert "No such file or directory" in refusal(guest, f"echo 2 >{NVME_AT}/sriov_numvfs")


def test_vendor_has_types_as_numbers_of_its_virtual_functions_and_no_mediated_device(
    rack: Rack, tmp_path: Path
) -> None:
    guest = rack.guest(VENDOR, IOMMU_ON)
    guest.shell(f"{SRIOV_MANAGE} -e {GPU_ADDRESS} 2>/dev/null")
    first, second, third = (f"{GPU}/virtfn{number}/nvidia" for number in range(3))
    listed = guest.shell(f"cat {first}/creatable_vgpu_types").splitlines()
    assert listed[0] == "ID    : vGPU Name"
    assert "1155  : NVIDIA L40S-24Q" in listed
    assert len(listed) == 24
    guest.shell(f"echo 1155 >{first}/current_vgpu_type")
    assert "1154  :" not in guest.shell(f"cat {second}/creatable_vgpu_types"), "one framebuffer size"
    assert "No space left" in refusal(guest, f"echo 1154 >{second}/current_vgpu_type")
    assert "Operation not permitted" in refusal(guest, f"echo 1154 >{first}/current_vgpu_type")
    assert "Invalid argument" in refusal(guest, f"echo 7 >{second}/current_vgpu_type")
    guest.shell(f"echo 1165 >{second}/current_vgpu_type")
    assert guest.shell(f"cat {third}/creatable_vgpu_types") == "ID    : vGPU Name\n", "two of 24 GiB fill it"
    seen = discover_equals_kernel(guest, tmp_path)
    assert len(seen.vendor) == 32
    assert sorted(current for current, _ in seen.vendor.values() if current) == [1155, 1165]
    assert not seen.types
    guest.shell(f"echo 0 >{first}/current_vgpu_type; echo 0 >{second}/current_vgpu_type")
    assert "1154  :" in guest.shell(f"cat {third}/creatable_vgpu_types")


def test_rtx6000_is_four_functions_in_one_group(rack: Rack, tmp_path: Path) -> None:
    guest = rack.guest(RTX6000, IOMMU_ON)
    shown = guest.shell("lspci -Dnn -d 10de:").splitlines()
    assert [line.split()[0] for line in shown] == list(QUADRO)
    ids = ("[0300]", "[10de:1e30]"), ("[0403]", "[10de:10f7]"), ("[0c03]", "[10de:1ad6]"), ("[0c80]", "[10de:1ad7]")
    assert all(word in line for line, words in zip(shown, ids, strict=True) for word in words), shown
    assert "Quadro RTX 6000" in shown[0]
    assert driver(guest, QUADRO[0]) == "nouveau"
    seen = discover_equals_kernel(guest, tmp_path)
    assert all(seen.groups[address] == list(QUADRO) for address in QUADRO)


def test_debians_nouveau_comes_by_itself_and_binds_nothing_where_its_stand_in_is_not_installed(rack: Rack) -> None:
    guest = rack.guest(RTX6000, IOMMU_ON)
    add = f"udevadm trigger --action=add --settle {PCI}/{QUADRO[0]}"
    guest.shell("nouveau-stand-in remove; rmmod nouveau")
    guest.shell(add)
    assert "/kernel/drivers/gpu/drm/nouveau/" in guest.shell("modinfo -n nouveau")
    assert {"nouveau", "drm"} <= {line.split()[0] for line in guest.shell("cat /proc/modules").splitlines()}
    assert f"nouveau {QUADRO[0]}: unknown chipset" in guest.shell("dmesg")
    assert driver(guest, QUADRO[0]) == ""
    guest.shell("nouveau-stand-in install; rmmod nouveau")
    guest.shell(add)
    assert driver(guest, QUADRO[0]) == "nouveau"


def test_a_board_before_ampere_offers_its_types_on_the_physical_function(rack: Rack, tmp_path: Path) -> None:
    guest = rack.guest(RTX6000, IOMMU_ON)
    card = QUADRO[0]
    guest.shell(f"echo nvidia >{PCI}/{card}/driver_override; echo {card} >/sys/bus/pci/drivers/nouveau/unbind")
    guest.shell(f"echo {card} >/sys/bus/pci/drivers_probe")
    seen = discover_equals_kernel(guest, tmp_path)
    assert seen.types[card, "RTX6000-6Q"] == ("nvidia-260", 4)
    types = f"{PCI}/{card}/mdev_supported_types"
    guest.shell(f"echo {UUIDS[0]} >{types}/nvidia-260/create")
    guest.shell(f"echo {UUIDS[1]} >{types}/nvidia-344/create")
    assert "File exists" in refusal(guest, f"echo {UUIDS[0]} >{types}/nvidia-260/create")
    assert "No space left" in refusal(guest, f"echo {UUIDS[2]} >{types}/nvidia-259/create")
    assert "No such file" in refusal(guest, f"echo {UUIDS[2]} >{types}/nvidia-999/create")
    seen = discover_equals_kernel(guest, tmp_path)
    assert seen.mdevs == {UUIDS[0]: (card, "nvidia-260"), UUIDS[1]: (card, "nvidia-344")}
    assert seen.types[card, "RTX6000-6Q"] == ("nvidia-260", 2)
    assert seen.types[card, "RTX6000-4Q"] == ("nvidia-259", 0)
    assert seen.mig[card] == ("- -", [])


def test_demo_has_both_cards_each_with_its_driver(rack: Rack, tmp_path: Path) -> None:
    guest = rack.guest(DEMO, IOMMU_ON)
    assert driver(guest, GPU_ADDRESS) == "nvidia"
    assert driver(guest, QUADRO[0]) == "nouveau"
    seen = discover_equals_kernel(guest, tmp_path)
    assert set(QUADRO) < set(seen.functions)
    guest.snapshot("demo")
    guest.restore("demo")


def test_a_snapshot_of_another_topology_is_refused(rack: Rack) -> None:
    bench = rack.guest(DEMO, IOMMU_ON).bench
    with Guest(bench, topology=PLAIN) as other, pytest.raises(GuestError, match="did not start"):
        other.start()
