"""Whole machines for tests: recorded ones, and one written down that has everything.

Boundary: snapshots. A fact whose reads were asked for after a recording was made is left out of its snapshot.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gpucarve.calls.primitives import Inspect, Read
from gpucarve.calls.replies import Holder, Reply
from gpucarve.facts import domains, pci, security
from gpucarve.facts.host import PROBES
from gpucarve.facts.observed import Observed, observe, reads_of
from gpucarve.model.hosts import Target
from gpucarve.transports.replay import Gathered, load
from tests.facts.answers import BOOT, Content, exited, reply

CAPTURED = Path(__file__).parent / "captured"

_A100, _L40S, _T4 = "0000:17:00", "0000:82:00", "0000:af:00"
_QEMU = ("/usr/bin/qemu-system-x86_64", "-name", "guest={},debug-threads=on")
_SYSTEMD = """\
Id=dcgm-exporter.service
LoadState=not-found
ActiveState=inactive
MainPID=0

Id=nvidia-dcgm.service
LoadState=loaded
ActiveState=inactive
MainPID=0

Id=nvidia-persistenced.service
LoadState=loaded
ActiveState=active
MainPID=700
"""
_MODES = f"0, 0000{_A100}.0, Enabled, Enabled\n1, 0000{_L40S}.0, [N/A], [N/A]\n"
_GPU_INSTANCES = """\
|   0  MIG 3g.40gb          9        2          4:4     |
|   0  MIG 2g.20gb         14        3          0:2     |
"""
_COMPUTE_INSTANCES = """\
|   0      2       MIG 3g.40gb          2         0          0:3     |
"""


def captured(name: str) -> Observed:
    """The snapshot of a recorded machine."""
    (exchange,) = load((CAPTURED / f"{name}.json").read_text())
    assert isinstance(exchange, Gathered)
    assert isinstance(exchange.answer, tuple)
    known = dict(zip(map(_question, exchange.asked), exchange.answer, strict=True))
    probes = [probe for probe in PROBES if all(_question(read) in known for read in probe.reads)]
    answers = [known[_question(read)] for read in reads_of(probes)]
    return observe(Target("local", "localhost"), probes, answers)


def _question(read: Read[Any]) -> object:
    """The read; of a script the tool that it asks, for its text may change and still ask the same."""
    if isinstance(read, Inspect) and read.argv[0] == "sh":
        return next(tool for tool in ("lsinitramfs", "nvidia-smi") if tool in read.argv[2])
    return read


def busy() -> Observed:
    """An AMD server with RHEL's boot loader: an A100 in MIG slices, an L40S with vendor VFIO, a T4 given away."""
    replies = [reply(read, _files(), _links(), _holders(), _FOLDERS, _commands()) for read in reads_of(PROBES)]
    return observe(Target("lab", "busy"), PROBES, replies)


_FOLDERS = (
    "/sys/firmware/acpi/tables/IVRS",
    "/sys/firmware/efi",
    "/boot/loader/entries",
    "/usr/bin/nvidia-smi",
    "/usr/lib/nvidia/sriov-manage",
    "/usr/sbin/grubby",
    "/usr/bin/dracut",
    "/usr/bin/systemctl",
)


def _function(address: str, uevent: str, node: str = "1", override: str = "(null)") -> dict[str, Content]:
    home = f"{pci.DEVICES}/{address}"
    return {
        f"{home}/uevent": uevent,
        f"{home}/numa_node": f"{node}\n",
        f"{home}/driver_override": f"{override}\n",
    }


def _files() -> dict[str, Content]:
    vf = f"{pci.DEVICES}/{_L40S}"
    cpu = "processor\t: 0\nvendor_id\t: AuthenticAMD\nflags\t\t: fpu svm nx\n"
    l40s = "PCI_CLASS=30200\nPCI_ID=10DE:26B9\nPCI_SUBSYS_ID=10DE:1851\n"
    t4 = "DRIVER=vfio-pci\nPCI_CLASS=30200\nPCI_ID=10DE:1EB8\nPCI_SUBSYS_ID=10DE:12A2\n"
    audio = "DRIVER=snd_hda_intel\nPCI_CLASS=40300\nPCI_ID=10DE:10F7\nPCI_SUBSYS_ID=10DE:12A2\n"
    types = "ID    : vGPU Name\n"
    a100 = "DRIVER=nvidia\nPCI_CLASS=30200\nPCI_ID=10DE:20B5\nPCI_SUBSYS_ID=10DE:1533\n"
    return {
        **BOOT,
        "/proc/cpuinfo": cpu,
        "/proc/modules": "nvidia 16 0 - Live 0x0\nvfio_pci 16 0 - Live 0x0\n",
        "/etc/modprobe.d/no-nouveau.conf": "blacklist nouveau\n",
        security.SECURE_BOOT: b"\x06\x00\x00\x00\x01",
        "/sys/fs/selinux/enforce": "1",
        "/proc/driver/nvidia/version": "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.124.03  Release\n",
        f"/proc/driver/nvidia/gpus/{_L40S}.0/information": "Device Minor: \t 0\n",
        f"/proc/driver/nvidia/gpus/{_A100}.0/information": "Device Minor: \t 1\n",
        **_function(f"{_A100}.0", a100, "0"),
        **_function(f"{_L40S}.0", f"DRIVER=nvidia\n{l40s}"),
        f"{vf}.0/sriov_totalvfs": "32\n",
        f"{vf}.0/sriov_numvfs": "2\n",
        **_function(f"{_L40S}.4", f"DRIVER=nvidia\n{l40s}"),
        **_function(f"{_L40S}.5", f"DRIVER=nvidia\n{l40s}"),
        f"{vf}.4/nvidia/current_vgpu_type": "1155\n",
        f"{vf}.4/nvidia/creatable_vgpu_types": types,
        f"{vf}.5/nvidia/current_vgpu_type": "0\n",
        f"{vf}.5/nvidia/creatable_vgpu_types": f"{types}1155  : NVIDIA L40S-24Q\n",
        **_function(f"{_T4}.0", t4, "-1", "vfio-pci"),
        **_function(f"{_T4}.1", audio, "-1"),
    }


def _links() -> dict[str, str]:
    groups = {f"{_A100}.0": 30, f"{_L40S}.0": 40, f"{_L40S}.4": 41, f"{_L40S}.5": 42, f"{_T4}.0": 50, f"{_T4}.1": 50}
    links = {f"{pci.DEVICES}/{each}/iommu_group": f"../../kernel/iommu_groups/{n}" for each, n in groups.items()}
    for number, function in enumerate((4, 5)):
        links[f"{pci.DEVICES}/{_L40S}.0/virtfn{number}"] = f"../{_L40S}.{function}"
        links[f"{pci.DEVICES}/{_L40S}.{function}/physfn"] = f"../{_L40S}.0"
    return links | {"/sys/class/vfio-dev/vfio0/device/iommu_group": "../../kernel/iommu_groups/41"}


def _holders() -> list[Holder]:
    return [
        Holder("/dev/nvidia0", 41, ("/usr/bin/python3", "train.py")),
        Holder("/dev/nvidiactl", 700, ("nvidia-persistenced",)),
        Holder("/dev/vfio/50", 80, tuple(word.format("render") for word in _QEMU)),
        Holder("/dev/vfio/devices/vfio0", 81, tuple(word.format("desk-1") for word in _QEMU)),
    ]


def _commands() -> Mapping[str, Reply]:
    host = f"<address domain='0x0000' bus='0x{_T4[5:7]}' slot='0x00' function='0x0'/>"
    lines = [
        f"{folder}/render.xml:{text}\n"
        for folder in (domains.RUNNING, domains.DEFINED)
        for text in ("  <name>render</name>", host)
    ]
    lines.append(f"{domains.DEFINED}/spare.xml:  <name>spare</name>\n")
    mig = {
        "nvidia-smi": exited(_MODES),
        "nvidia-smi mig -lgi": exited(_GPU_INSTANCES),
        "nvidia-smi mig -lci": exited(_COMPUTE_INSTANCES),
    }
    return mig | {"systemctl": exited(_SYSTEMD), "grep": exited("".join(lines)), "sh": exited("tool dracut\n")}
