"""What NVIDIA's sample deviceQuery prints of each device.

The lines are `  name:   value`; their names have been the same since CUDA 5. Figures are kept in the units of
`gpucarve.runner` (bytes, kHz, bits), so that its facts and these can stand side by side.

Boundary: lines to facts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from gpucarve.bench.outputs.parts import Part
from gpucarve.bench.reports import DeviceFacts, Standing, Workload

_DEVICE = re.compile(r'Device (\d+): "([^"]+)"')
_RESULT = re.compile(r"Result = (PASS|FAIL)")
_CUDA = re.compile(r"CUDA Driver Version / Runtime Version\s+(\d+)\.(\d+) / ")


def _whole(text: str) -> int:
    return int(text)


def _khz(text: str) -> int:
    return 1000 * int(text)


def _yes(text: str) -> int:
    return int(text.lower() in ("yes", "enabled"))


_FACTS: tuple[tuple[str, re.Pattern[str], Callable[[str], Any]], ...] = tuple(
    (fact, re.compile(pattern), turn)
    for fact, pattern, turn in (
        ("memory_bytes", r"Total amount of global memory:.*\((\d+) bytes\)", _whole),
        ("multiprocessors", r"\(\s*(\d+)\) Multiprocessors", _whole),
        ("capability_major", r"CUDA Capability Major/Minor version number:\s+(\d+)\.\d+", _whole),
        ("capability_minor", r"CUDA Capability Major/Minor version number:\s+\d+\.(\d+)", _whole),
        ("clock_khz", r"GPU Max Clock rate:\s+(\d+) MHz", _khz),
        ("memory_clock_khz", r"Memory Clock rate:\s+(\d+) Mhz", _khz),
        ("bus_bits", r"Memory Bus Width:\s+(\d+)-bit", _whole),
        ("l2_bytes", r"L2 Cache Size:\s+(\d+) bytes", _whole),
        ("constant_bytes", r"Total amount of constant memory:\s+(\d+) bytes", _whole),
        ("shared_bytes_per_block", r"Total amount of shared memory per block:\s+(\d+) bytes", _whole),
        ("shared_bytes_per_multiprocessor", r"Total shared memory per multiprocessor:\s+(\d+) bytes", _whole),
        ("registers_per_block", r"Total number of registers available per block:\s+(\d+)", _whole),
        ("warp", r"Warp size:\s+(\d+)", _whole),
        ("threads_per_multiprocessor", r"Maximum number of threads per multiprocessor:\s+(\d+)", _whole),
        ("threads_per_block", r"Maximum number of threads per block:\s+(\d+)", _whole),
        ("copy_engines", r"Concurrent copy and kernel execution:\s+\w+ with (\d+) copy engine", _whole),
        ("run_time_limit", r"Run time limit on kernels:\s+(\w+)", _yes),
        ("integrated", r"Integrated GPU sharing Host Memory:\s+(\w+)", _yes),
        ("ecc", r"Device has ECC support:\s+(\w+)", _yes),
        ("unified_addressing", r"Device supports Unified Addressing \(UVA\):\s+(\w+)", _yes),
        ("managed_memory", r"Device supports Managed Memory:\s+(\w+)", _yes),
        ("compute_preemption", r"Device supports Compute Preemption:\s+(\w+)", _yes),
        ("cooperative_launch", r"Supports Cooperative Kernel Launch:\s+(\w+)", _yes),
        ("pci_domain", r"Device PCI Domain ID / Bus ID / location ID:\s+(\d+) /", _whole),
        ("pci_bus", r"Device PCI Domain ID / Bus ID / location ID:\s+\d+ / (\d+) /", _whole),
        ("pci_device", r"Device PCI Domain ID / Bus ID / location ID:\s+\d+ / \d+ / (\d+)", _whole),
    )
)


def parse(lines: list[str]) -> Part:
    """Every device, and whether the program said PASS."""
    devices: list[DeviceFacts] = []
    facts: dict[str, Any] = {}
    result = ""
    for line in lines:
        if match := _DEVICE.match(line.strip()):
            facts = {}
            devices.append(DeviceFacts(match[2], "cuda", facts))
        elif match := _RESULT.search(line):
            result = match[1]
        elif devices:
            facts.update(_told(line))
    asked = [device for device in devices if "multiprocessors" in device.facts]
    if not asked:
        return Part()
    return Part("deviceQuery", tuple(asked), (_workload(len(asked), result),))


def _told(line: str) -> dict[str, Any]:
    found = {fact: turn(match[1]) for fact, pattern, turn in _FACTS if (match := pattern.search(line))}
    if match := _CUDA.search(line):
        found["cuda_driver"] = 1000 * int(match[1]) + 10 * int(match[2])
    return found


def _workload(count: int, result: str) -> Workload:
    why = f"{count} GPU{'s' * (count != 1)}, 0 other devices"
    if result == "PASS":
        return Workload("devices", Standing.RUNS, why=why)
    said = "the output does not end with a result" if not result else f"deviceQuery said {result}"
    return Workload("devices", Standing.FAILED, why=said)
