"""What NVIDIA's sample bandwidthTest prints: copies to, from and within the device.

In the form for people a table of sizes and GB/s follows each kind's title (older ones say MB/s); with `--csv` each line
has all of it. The sample counts reading and writing of a copy within the device, as we do.

Boundary: lines to figures.
"""

from __future__ import annotations

import re

from gpucarve.bench.outputs.parts import Part
from gpucarve.bench.reports import Figure, Standing, Workload

_DEVICE = re.compile(r"Device \d+: (.+)")
_TITLE = re.compile(r"(Host to Device|Device to Host|Device to Device) Bandwidth")
_UNIT = re.compile(r"Bandwidth\s*\((GB|MB)/s\)")
_ROW = re.compile(r"(\d+)\s+(\d+(?:\.\d+)?)")
_CSV = re.compile(r"bandwidthTest-(H2D|D2H|D2D)(?:-\w+)?, Bandwidth = (\d+(?:\.\d+)?) (GB|MB)/s, .*Size = (\d+) bytes")
_SCALE = {"GB": 1e9, "MB": 1e6}
_KINDS = {"H2D": "Host to Device", "D2H": "Device to Host", "D2D": "Device to Device"}
_NAMES = {"Host to Device": "host to device", "Device to Host": "device to host", "Device to Device": "driver's copy"}


def parse(lines: list[str]) -> Part:
    """The rate of the largest size of each kind."""
    best: dict[str, tuple[int, float]] = {}
    title, scale, device, result = "", 0.0, "", ""
    for line in (line.strip() for line in lines):
        if match := _CSV.match(line):
            _keep(best, _KINDS[match[1]], int(match[4]), float(match[2]) * _SCALE[match[3]])
        elif match := _TITLE.match(line):
            title, scale = match[1], 0.0
        elif title and (match := _UNIT.search(line)):
            scale = _SCALE[match[1]]
        elif title and scale and (match := _ROW.fullmatch(line)):
            _keep(best, title, int(match[1]), float(match[2]) * scale)
        elif match := _DEVICE.match(line):
            device = match[1].strip('" ')
        elif line.startswith("Result = "):
            result = line.removeprefix("Result = ")
    if not best:
        return Part()
    figures = tuple(Figure(_NAMES[kind], "B", (rate,)) for kind, (_, rate) in best.items() if rate > 0)
    failed = bool(result) and result != "PASS"
    standing = Standing.FAILED if failed else Standing.RUNS
    why = f"bandwidthTest said {result}" if failed else "one sample a figure, so its spread is not known"
    facts = {f"{_NAMES[kind]} bytes": size for kind, (size, _) in best.items()}
    return Part("bandwidthTest", (), (Workload("copy", standing, device, (), figures, why, facts=facts),))


def _keep(best: dict[str, tuple[int, float]], kind: str, size: int, rate: float) -> None:
    if size >= best.get(kind, (0, 0.0))[0]:
        best[kind] = (size, rate)
