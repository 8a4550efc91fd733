"""Rooflines of a report: its workloads under the roofs of memory and of the pipes that they keep busy.

Boundary: a report to text. A picture is drawn where the roofs and a steady figure below them are known.
"""

from __future__ import annotations

from gpucarve.bench.reports import Figure, Report, Workload
from gpucarve.catalog import throughput
from gpucarve.report.svg import Point, Roof, roofline

_OPERATIONS_A_FLOAT = 1 / 12  # vectoradd: one addition for two floats read and one written
_BYTES_A_PASSWORD = 4  # hash: a word of the table of first halves
_BYTES_A_FACTOR = {"float32": 4, "TF32": 4, "float16": 2}  # matmul; its products have four


def drawn(report: Report) -> str:
    """A heading and the pictures, or nothing."""
    by_name = {each.name: each for each in report.workloads}
    memory = _under_roofs(by_name.get("vectoradd"))
    if not memory:
        return ""
    bandwidth = memory[0].limits[0].rate
    adding = Point("vectoradd", _OPERATIONS_A_FLOAT, memory[0].rate * _OPERATIONS_A_FLOAT)
    pictures = [
        roofline([adding, *points], bandwidth, roofs, title)
        for points, roofs, title in (_hashes(by_name.get("hash")), _products(by_name.get("matmul")))
        if roofs
    ]
    return "<h2>Under the roof</h2>" + "".join(pictures) if pictures else ""


def _under_roofs(workload: Workload | None) -> list[Figure]:
    return [each for each in workload.figures if each.limits and each.steady] if workload else []


def _hashes(workload: Workload | None) -> tuple[list[Point], list[Roof], str]:
    """Operations of the integer pipe, of which each kind of hash takes its own number."""
    points, roofs = [], []
    for figure in _under_roofs(workload):
        known = throughput.hash_rate(figure.name)
        if known:
            operations = known[0].operations
            points.append(Point(figure.name, operations / _BYTES_A_PASSWORD, figure.rate * operations))
            roofs = [Roof("integer pipe", figure.limits[0].rate * operations)]
    return points, roofs, "Roofline of memory and integer pipe"


def _products(workload: Workload | None) -> tuple[list[Point], list[Roof], str]:
    """Each precision under a roof of its own; each number is counted as moved once."""
    points, roofs = [], []
    side = workload.facts.get("side") if workload else None
    for figure in _under_roofs(workload):
        size = _BYTES_A_FACTOR.get(figure.name)
        if size and isinstance(side, int):
            points.append(Point(figure.name, 2 * side / (2 * size + 4), figure.rate))
            roofs.append(Roof(f"{figure.name} at most", figure.limits[0].rate))
    return points, roofs, "Roofline of memory and the pipes of matrices"
