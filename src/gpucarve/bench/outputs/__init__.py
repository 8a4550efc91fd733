"""Reports from what other programs printed: deviceQuery, bandwidthTest, transpose, vectorAdd, hashcat, nvidia-smi.

`read` finds out by itself whose output it is; one text may hold several, as a log does.

Boundary: text to a report. Bounded: a line counts for at most so many characters, and a text that none of the parsers
knows is an error that says what they know.
"""

from __future__ import annotations

from collections.abc import Callable

from gpucarve.bench.outputs import bandwidth_test, device_query, hashcat, nvidia_smi, samples
from gpucarve.bench.outputs.parts import Part
from gpucarve.bench.reports import Report
from gpucarve.errors import GpucarveError

LARGEST = 4 * 1024 * 1024
_LONGEST_LINE = 2000

_PARSERS: tuple[tuple[str, Callable[[list[str]], Part]], ...] = (
    ("deviceQuery", device_query.parse),
    ("bandwidthTest", bandwidth_test.parse),
    ("transpose", samples.parse_transpose),
    ("vectorAdd", samples.parse_vector_add),
    ("hashcat", hashcat.parse),
    ("nvidia-smi", nvidia_smi.parse),
)


class UnknownOutput(GpucarveError):
    """A text in which no parser found anything."""


def read(text: str, where: str) -> Report:
    """What the text tells. Raises UnknownOutput."""
    lines = [line[:_LONGEST_LINE].rstrip() for line in text[:LARGEST].splitlines()]
    found = [(name, part) for name, parse in _PARSERS if (part := parse(lines)).tells]
    if not found:
        names = ", ".join(name for name, _ in _PARSERS)
        raise UnknownOutput(f"{where} holds no output that is known", hint=f"known are those of {names}")
    return Report(
        target=where,
        program=", ".join(part.program or name for name, part in found),
        devices=tuple(device for _, part in found for device in part.devices),
        workloads=tuple(workload for _, part in found for workload in part.workloads),
    )
