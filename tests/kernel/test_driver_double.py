"""The test driver and its nvidia-smi keep to the rules that they stand for: MIG above all, and being absent."""

from __future__ import annotations

import subprocess
from pathlib import Path
from random import Random

from gpucarve.twin import power, seed_004
from gpucarve.twin.commands.invocation import Invocation
from gpucarve.twin.commands.nvidia_smi import nvidia_smi
from gpucarve.twin.commands.update_grub import update_grub
from gpucarve.twin.machine import Files, Hardware, Machine, PciDevice
from tests.kernel.guest import Guest
from tests.kernel.machine import GPU_ADDRESS
from tests.kernel.test_topologies import SRIOV_MANAGE, UUIDS, discover_equals_kernel, refusal

GPU = f"/sys/bus/pci/devices/{GPU_ADDRESS}"
INFOROM = f"/var/lib/nvidia-double/inforom/{GPU_ADDRESS}"
MODES = ("--query-gpu=mig.mode.current,mig.mode.pending", "--format=csv,noheader")
TWO_20, FORTY = f"{GPU}/virtfn0/mdev_supported_types/nvidia-700", f"{GPU}/virtfn0/mdev_supported_types/nvidia-697"

# Each is asked of nvidia-smi on a GPU in MIG mode with nothing on it, one after the other.
ASKED = (
    ("mig", "-lgi"),
    ("mig", "-lci"),
    ("mig", "-lgip"),
    ("mig", "-lgipp"),
    ("mig", "-cgi", "9:4", "-C"),
    ("mig", "-i", "0", "-cgi", "14:2,19:1"),
    ("mig", "-cgi", "19:7"),
    ("mig", "-cgi", "8"),
    ("mig", "-cgi", "14:2"),
    ("mig", "-cgi", "5"),
    ("mig", "-lgip"),
    ("mig", "-lgi"),
    ("mig", "-i", "0", "-gi", "3", "-cci", "0"),
    ("mig", "-i", "0", "-gi", "3", "-cci"),
    ("mig", "-lci"),
    ("mig", "-gi", "1", "-lci"),
    ("mig", "-gi", "1", "-dgi"),
    ("mig", "-gi", "1", "-ci", "0", "-dci"),
    ("mig", "-gi", "1", "-dgi"),
    ("mig", "-gi", "1", "-dgi"),
    ("mig", "-gi", "6", "-ci", "0", "-dci"),
    ("mig", "-cgi", "20", "-C"),
    ("mig", "-cgi", "20"),
    ("-i", GPU_ADDRESS, *MODES),
    ("-mig", "0"),
    ("-i", "0", *MODES),
    ("--gpu-reset", "-i", "0"),
    ("-i", "0", *MODES),
    ("mig", "-lgi"),
    ("mig", "-lgipp", "-nonsense"),
    ("-i", "7", *MODES),
    ("--query-gpu=index,nonsense", "--format=csv,noheader"),
    ("vgpu", "-q"),
)


def twin() -> Machine:
    """A simulated machine with the guest's GPU at the guest's place."""
    gpu = PciDevice(
        address=GPU_ADDRESS,
        path=f"pci0000:00/0000:00:15.0/{GPU_ADDRESS}",
        vendor="10de",
        device="20b5",
        pci_class="030200",
        name="GA100 [A100 PCIe 80GB]",
        product="NVIDIA A100 80GB PCIe",
        subsystem_vendor="10de",
        subsystem_device="1533",
        driver="nvidia",
        total_vfs=20,
        vf_offset=4,
        memory_mib=81920,
    )
    hardware = Hardware("bench", seed_004.KERNEL, "GenuineIntel", "any", 2, (gpu,), seed_004.driver())
    machine = update_grub(Machine(hardware, Files(seed_004.stored())), Invocation(("update-grub",))).machine
    return power.come_up(machine, Random(5))  # noqa: S311 - any boot id will do


def smi(guest: Guest, *words: str) -> subprocess.CompletedProcess[str]:
    """What nvidia-smi says, however it ends."""
    return guest.ssh(("nvidia-smi", *words), check=False)


def modes(guest: Guest) -> str:
    """The current and the pending mode of the GPU."""
    return smi(guest, "-i", GPU_ADDRESS, *MODES).stdout.strip()


def left(guest: Guest, of: str) -> str:
    """How many more of a type the first virtual function takes."""
    return guest.shell(f"cat {of}/available_instances").strip()


def test_nvidia_smi_says_what_the_twin_says_word_for_word(bare_host: Guest) -> None:
    machine = twin()
    for words in (("-mig", "1"), *ASKED):
        done = smi(bare_host, *words)
        answer = nvidia_smi(machine, Invocation(("nvidia-smi", *words)))
        machine = answer.machine
        said = answer.exited.stdout.decode()
        assert (words, done.returncode, done.stdout) == (words, answer.exited.status, said)


def test_a_change_of_the_mode_waits_for_a_reset_while_the_gpu_is_in_use(bare_host: Guest) -> None:
    script = "exec 9</dev/nvidia0; nvidia-smi -mig 1; nvidia-smi --gpu-reset -i 0 || echo refused"
    said = bare_host.shell(script)
    assert "is in pending enable state" in said
    assert said.endswith("refused\n")
    assert modes(bare_host) == "Disabled, Enabled"
    assert smi(bare_host, "--gpu-reset", "-i", "0").returncode == 0
    assert modes(bare_host) == "Enabled, Enabled"
    assert smi(bare_host, "mig", "-cgi", "19").returncode == 0
    unable = bare_host.ssh(("nvidia-smi", "mig", "-cgi", "19"), user="admin", check=False)
    assert (unable.returncode, "Insufficient Permissions" in unable.stdout) == (4, True)


def test_virtual_functions_wipe_instances_and_a_mig_backed_type_takes_an_instance_of_its_profile(
    vgpu_host: Guest, tmp_path: Path
) -> None:
    vgpu_host.shell(f"{SRIOV_MANAGE} -d {GPU_ADDRESS} 2>/dev/null; nvidia-smi -mig 1; nvidia-smi mig -cgi 14")
    vgpu_host.shell(f"{SRIOV_MANAGE} -e {GPU_ADDRESS} 2>/dev/null")
    assert modes(vgpu_host) == "Enabled, Enabled"
    assert "No GPU instances found" in smi(vgpu_host, "mig", "-lgi").stdout
    assert (left(vgpu_host, TWO_20), left(vgpu_host, FORTY)) == ("0", "0")
    assert "No space left" in refusal(vgpu_host, f"echo {UUIDS[0]} >{TWO_20}/create")
    vgpu_host.shell("nvidia-smi mig -cgi 14:0,9:4 -C")
    assert (left(vgpu_host, TWO_20), left(vgpu_host, FORTY)) == ("1", "0")
    vgpu_host.shell(f"echo {UUIDS[0]} >{TWO_20}/create")
    assert left(vgpu_host, TWO_20.replace("virtfn0", "virtfn1")) == "0", "it took the only instance"
    assert left(vgpu_host, TWO_20.replace("virtfn0/", "virtfn1/").replace("700", "701")) == "1"
    owner = smi(vgpu_host, "mig", "-gi", "3", "-dci")
    assert (owner.returncode, "In use by another client" in owner.stdout) == (19, True)
    assert smi(vgpu_host, "--gpu-reset", "-i", "0").returncode == 255
    seen = discover_equals_kernel(vgpu_host, tmp_path)
    assert seen.mig[GPU_ADDRESS][0] == "1 1"
    assert len(seen.mig[GPU_ADDRESS][1]) == 4
    vgpu_host.shell(
        f"echo 1 >/sys/bus/mdev/devices/{UUIDS[0]}/remove; nvidia-smi mig -gi 3 -dci; nvidia-smi mig -gi 3 -dgi"
    )


def test_a_reboot_wipes_instances_and_the_board_keeps_its_mode(bare_host: Guest) -> None:
    bare_host.shell("nvidia-smi -mig 1; nvidia-smi mig -cgi 9 -C")
    assert bare_host.shell(f"cat {INFOROM}") == "1\n"
    bare_host.reboot()
    assert modes(bare_host) == "Enabled, Enabled"
    assert "No GPU instances found" in smi(bare_host, "mig", "-lgi").stdout


def test_a_driver_that_is_not_installed_is_absent_and_comes_again(bare_host: Guest, tmp_path: Path) -> None:
    bare_host.shell("exec 9</dev/nvidia0; ! nvidia-driver-stand-in uninstall; test -e /usr/bin/nvidia-smi")
    said = bare_host.ssh(("nvidia-driver-stand-in", "uninstall")).stderr
    assert "test stand-in, not NVIDIA's installer" in said
    absent = bare_host.ssh(("nvidia-smi",), check=False)
    assert absent.returncode == 127
    seen = discover_equals_kernel(bare_host, tmp_path)
    assert seen.functions[GPU_ADDRESS][4] == "-"
    assert not seen.mig
    bare_host.ssh(("nvidia-driver-stand-in", "install"))
    assert modes(bare_host) == "Disabled, Disabled"
    assert discover_equals_kernel(bare_host, tmp_path).functions[GPU_ADDRESS][4] == "nvidia"
