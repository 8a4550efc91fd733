"""What `hashcat -b` prints, for people and with `--machine-readable`.

For people, a title names the hash mode and a line `Speed.#N` follows for each device. For machines, a line has device,
mode, clock of the multiprocessors, clock of the memory, milliseconds and hashes a second, with colons between (hashcat
6's `status_benchmark_machine_readable`). Devices that are marked as skipped did not run.

Boundary: lines to figures, a workload for each device that ran.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from gpucarve.bench.outputs.parts import Part
from gpucarve.bench.reports import Figure, Standing, Workload

_VERSION = re.compile(r"(?:# )?hashcat \((v[\w.+-]+)\) ")
_DEVICE = re.compile(r"\* Device #(\d+): (.+?)(?:, \d+/\d+ MB.*|, skipped)$")
_MODE = re.compile(r"(?:\* Hash-Mode|Hashmode:) (\d+) (?:- (.+)|\((.+?)\))")
_SPEED = re.compile(r"Speed\.#(\d+|\*)\.*:\s+(\d+(?:\.\d+)?) ([kMGT]?)H/s")
_MACHINE = re.compile(r"(\d+):(\d+):(-?\d+):(-?\d+):(\d+(?:\.\d+)?):(\d+)")
_SCALE = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
NAMES = {"0": "MD5", "100": "SHA-1", "1400": "SHA-256", "1700": "SHA-512", "1000": "NTLM"}


@dataclass(slots=True)
class _Seen:
    version: str = ""
    names: dict[str, str] = field(default_factory=dict)
    rates: dict[str, dict[str, float]] = field(default_factory=dict)
    clocks: dict[str, int] = field(default_factory=dict)
    mode: str = ""


def parse(lines: list[str]) -> Part:
    """The rates of each device."""
    seen = _Seen()
    for line in lines:
        _take(seen, line.strip())
    workloads = tuple(_workload(seen, device) for device in seen.rates)
    return Part(f"hashcat {seen.version}".strip() if workloads else "", (), workloads)


def _take(seen: _Seen, line: str) -> None:
    if match := _VERSION.match(line):
        seen.version = match[1]
    elif match := _DEVICE.match(line):
        # The same GPU is listed by CUDA and by OpenCL under two numbers; each number has one name.
        seen.names.setdefault(match[1], match[2])
    elif match := _MODE.match(line):
        seen.mode = NAMES.get(match[1], match[2] or match[3])
    elif seen.mode and (match := _SPEED.match(line)) and match[1] != "*":
        _keep(seen, match[1], seen.mode, float(match[2]) * _SCALE[match[3]])
    elif match := _MACHINE.fullmatch(line):
        _keep(seen, match[1], NAMES.get(match[2], f"hash mode {match[2]}"), float(match[6]))
        seen.clocks[match[1]] = int(match[3])


def _keep(seen: _Seen, device: str, mode: str, rate: float) -> None:
    if rate > 0:
        seen.rates.setdefault(device, {})[mode] = rate


def _workload(seen: _Seen, device: str) -> Workload:
    figures = tuple(Figure(mode, "H", (rate,)) for mode, rate in seen.rates[device].items())
    clock = seen.clocks.get(device, 0)
    facts = {"sm_mhz": clock} if clock > 0 else {}
    name = seen.names.get(device, f"device {device}")
    return Workload(
        "hash", Standing.RUNS, name, (), figures, "one sample a figure, so its spread is not known", facts=facts
    )
