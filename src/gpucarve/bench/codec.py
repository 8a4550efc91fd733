"""Reports as JSON and back. `report.schema.json` beside this file says the same for other programs.

Boundary: a codec. What does not fit is an error that names the place.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from gpucarve.bench.reports import Check, DeviceFacts, Figure, Limit, Report, Standing, Workload
from gpucarve.errors import GpucarveError

KIND = "BenchReport"
API_VERSION = "gpucarve/v1alpha1"
LARGEST = 32 * 1024 * 1024

T = TypeVar("T")


class NoReport(GpucarveError):
    """A text that is no report of ours, or of another version."""


def to_data(report: Report) -> dict[str, Any]:
    """The body of the JSON object; derived values are given too, and not read back."""
    return {
        "target": report.target,
        "program": report.program,
        "devices": [
            {"name": device.name, "interface": device.interface, "facts": dict(device.facts)}
            for device in report.devices
        ],
        "workloads": [_workload(each) for each in report.workloads],
    }


def _workload(each: Workload) -> dict[str, Any]:
    return {
        "name": each.name,
        "standing": each.standing.value,
        "verdict": each.verdict(),
        "device": each.device,
        "why": each.why,
        "fix": each.fix,
        "notes": list(each.notes),
        "checks": [{"what": c.what, "by": c.by, "wrong": c.wrong, "of": c.of} for c in each.checks],
        "figures": [_figure(figure) for figure in each.figures],
        "facts": dict(each.facts),
    }


def _figure(figure: Figure) -> dict[str, Any]:
    return {
        "name": figure.name,
        "unit": f"{figure.unit}/s",
        "median": figure.rate if figure.steady else None,
        "spread": figure.spread,
        "share": figure.share,
        "limits": [{"rate": limit.rate, "what": limit.what, "source": limit.source} for limit in figure.limits],
        "samples": list(figure.samples),
    }


def read(text: str | bytes, where: str) -> Report:
    """A report from its JSON text. Raises NoReport."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NoReport(f"{where} is no JSON: {error}", hint="`gpucarve bench -o json` writes reports") from error
    if not isinstance(data, dict) or data.get("kind") != KIND or data.get("apiVersion") != API_VERSION:
        raise NoReport(
            f"{where} is no {KIND} of {API_VERSION}",
            hint="`gpucarve bench -o json` writes one; `gpucarve bench read` makes one of another program's output",
        )
    try:
        return _report(data)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NoReport(f"{where} is damaged: {error!r}", hint="run the workloads again") from error


def _report(data: Mapping[str, Any]) -> Report:
    return Report(
        target=_text(data["target"]),
        program=_text(data["program"]),
        devices=_each(
            data["devices"], lambda d: DeviceFacts(_text(d["name"]), _text(d["interface"]), dict(d["facts"]))
        ),
        workloads=_each(data["workloads"], _read_workload),
    )


def _read_workload(data: Mapping[str, Any]) -> Workload:
    return Workload(
        name=_text(data["name"]),
        standing=Standing(data["standing"]),
        device=_text(data["device"]),
        checks=_each(data["checks"], lambda c: Check(_text(c["what"]), _text(c["by"]), int(c["wrong"]), int(c["of"]))),
        figures=_each(data["figures"], _read_figure),
        why=_text(data["why"]),
        fix=_text(data["fix"]),
        notes=_each(data["notes"], _text),
        facts=dict(data["facts"]),
    )


def _read_figure(data: Mapping[str, Any]) -> Figure:
    samples = _each(data["samples"], _rate)
    if not samples:
        raise ValueError(f"{data['name']} has no samples")
    return Figure(
        name=_text(data["name"]),
        unit=_text(data["unit"]).removesuffix("/s"),
        samples=samples,
        limits=_each(
            data["limits"], lambda each: Limit(_rate(each["rate"]), _text(each["what"]), _text(each["source"]))
        ),
    )


def _each(data: Sequence[Any], read_one: Callable[[Any], T]) -> tuple[T, ...]:
    if not isinstance(data, list):
        raise TypeError(f"{str(data)[:80]} is no list")
    return tuple(read_one(one) for one in data)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{str(value)[:80]} is no text")
    return value


def _rate(value: Any) -> float:
    rate = float(value)
    if not math.isfinite(rate) or rate <= 0:
        raise ValueError(f"{value} is no rate")
    return rate
