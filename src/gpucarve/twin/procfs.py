"""/proc as the kernel would show it: command line, boot id, release, processors, the NVIDIA module, processes.

Boundary: a pure function of hardware, boot, bound drivers and process table.
"""

from __future__ import annotations

from functools import lru_cache

from gpucarve.twin import gpus
from gpucarve.twin.machine import Boot, Devices, Hardware, PciDevice, Process, Processes
from gpucarve.twin.nodes import Directory, File, Layer, Link, Node, layer, raw

_READ_ONLY = 0o444


@lru_cache(maxsize=16)
def procfs(hardware: Hardware, boot: Boot, devices: Devices, processes: Processes) -> Layer:
    """Everything below /proc."""
    nodes: dict[str, Node] = {
        "/proc/cmdline": _text(boot.cmdline),
        "/proc/sys/kernel/random/boot_id": _text(boot.boot_id),
        "/proc/sys/kernel/osrelease": _text(hardware.kernel),
        "/proc/sys/kernel/hostname": _text(hardware.hostname),
        "/proc/cpuinfo": File(_cpuinfo(hardware).encode(), _READ_ONLY),
        "/proc/modules": File("".join(f"{each} 16384 0 - Live 0x0\n" for each in devices.modules).encode(), _READ_ONLY),
    }
    if "nvidia" in devices.modules:
        module = f"NVRM version: NVIDIA UNIX x86_64 Kernel Module  {hardware.driver.version}"
        nodes["/proc/driver/nvidia/version"] = _text(f"{module}\nGCC version:  gcc version 12.2.0 (Debian 12.2.0-14)")
    for minor, gpu in enumerate(gpus.held(hardware, devices)):
        home = f"/proc/driver/nvidia/gpus/{gpu.address}"
        nodes[f"{home}/information"] = _text(_information(gpu, minor))
        nodes[f"{home}/unbindLock"] = File(b"1\n" if gpu.address in devices.unbind_locks else b"0\n", 0o644)
    for process in processes.entries:
        nodes.update(_process(process))
    return layer(nodes)


def _information(gpu: PciDevice, minor: int) -> str:
    """A GPU as the driver's /proc tells of it, without what it says of interrupts and firmware."""
    return (
        f"Model: \t\t {gpu.product}\nGPU UUID: \t {gpu.uuid}\nBus Type: \t PCIe\nDMA Size: \t 47 bits\n"
        f"DMA Mask: \t 0x7fffffffffff\nBus Location: \t {gpu.address}\nDevice Minor: \t {minor}"
    )


def _text(text: str) -> File:
    return File(f"{text}\n".encode(), _READ_ONLY)


def _cpuinfo(hardware: Hardware) -> str:
    flags = ("vmx " if hardware.cpu_vendor == "GenuineIntel" else "svm ") if hardware.virtualization else ""
    return "".join(
        f"processor\t: {number}\nvendor_id\t: {hardware.cpu_vendor}\nmodel name\t: {hardware.cpu_model}\n"
        f"flags\t\t: fpu {flags}nx lm\n\n"
        for number in range(hardware.cpus)
    )


def _process(process: Process) -> dict[str, Node]:
    home = f"/proc/{process.pid}"
    name = process.argv[0].rpartition("/")[2][:15] if process.argv else ""
    nodes: dict[str, Node] = {
        f"{home}/cmdline": File(b"".join(raw(word) + b"\0" for word in process.argv), _READ_ONLY),
        f"{home}/comm": _text(name),
        f"{home}/fd": Directory(0o500),
    }
    for number, path in enumerate(process.open, start=3):
        nodes[f"{home}/fd/{number}"] = Link(path)
    return nodes
