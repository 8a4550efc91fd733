"""What NVIDIA's samples transpose and vectorAdd print.

transpose gives one line a way. Its throughput counts reading and writing, and its GB are 1024^3 bytes, as size and time
in the same line show (8 bytes x 1,048,576 in 0.04908 ms are 170.9 x 10^9 bytes a second, printed as 159.2); here the
bytes are divided by the printed time, so that rates of all programs are of one kind.

Boundary: lines to figures.
"""

from __future__ import annotations

import re

from gpucarve.bench.outputs.parts import Part
from gpucarve.bench.reports import Figure, Limit, Standing, Workload

_WAY = re.compile(
    r"transpose (.+?)\s*, Throughput = (\d+(?:\.\d+)?) GB/s, Time = (\d+(?:\.\d+)?) ms, Size = (\d+) fp32 elements"
)
_DEVICE = re.compile(r'> Device \d+: "([^"]+)"')
_ADDED = re.compile(r"\[Vector addition of (\d+) elements\]")
_COPY = "simple copy"


def parse_transpose(lines: list[str]) -> Part:
    """Every way, held against the simple copy of the same run."""
    device, passed = "", False
    ways: list[tuple[str, int, float]] = []
    for line in (line.strip() for line in lines):
        if match := _WAY.match(line):
            ways.append((match[1], int(match[4]), float(match[3]) / 1000))
        elif match := _DEVICE.match(line):
            device = match[1]
        elif line == "Test passed" and ways:
            passed = True
    rates = {name: 8 * words / seconds for name, words, seconds in ways if seconds > 0}
    if not rates:
        return Part()
    own = (Limit(rates[_COPY], "the simple copy of the same run", "this output"),) if _COPY in rates else ()
    figures = tuple(Figure(name, "B", (rate,), () if name == _COPY else own) for name, rate in rates.items())
    facts = {"bytes": 4 * ways[0][1]}
    if not passed:
        failed = Workload(
            "transpose",
            Standing.WRONG,
            device,
            (),
            figures,
            "the output does not say that the test passed",
            facts=facts,
        )
        return Part("CUDA samples' transpose", (), (failed,))
    standing = Standing.SHARE if own and len(figures) > 1 else Standing.RUNS
    notes = ("one sample a figure, so its spread is not known",)
    return Part(
        "CUDA samples' transpose", (), (Workload("transpose", standing, device, (), figures, "", "", notes, facts),)
    )


def parse_vector_add(lines: list[str]) -> Part:
    """Whether the sums were right."""
    elements, result = 0, ""
    for line in (line.strip() for line in lines):
        if match := _ADDED.match(line):
            elements = int(match[1])
        elif elements and line in ("Test PASSED", "Test FAILED"):
            result = line
    if not elements:
        return Part()
    facts = {"floats": elements}
    if result == "Test PASSED":
        done = Workload("vectoradd", Standing.RUNS, why="the sample prints no rate", facts=facts)
        return Part("CUDA samples' vectorAdd", (), (done,))
    said = f"the sample said {result}" if result else "the output does not say that the test passed"
    return Part("CUDA samples' vectorAdd", (), (Workload("vectoradd", Standing.WRONG, why=said, facts=facts),))
