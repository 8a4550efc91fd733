"""Bench reports and comparisons as text and data.

Boundary: values to words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gpucarve.bench import codec
from gpucarve.bench.comparing import Comparison
from gpucarve.bench.reports import Figure, Report, Standing, Workload
from gpucarve.bench.slices import Sharing, shared
from gpucarve.cli.views.text import Role, Style, printable
from gpucarve.report import amounts, devices

_ROLES = {Standing.SHARE: Role.GOOD, Standing.RUNS: Role.GOOD, Standing.UNSTABLE: Role.WARN}


def report(told: Report, style: Style) -> str:
    """Each workload with its verdict, its figures and what was checked; the devices before them."""
    lines = [style.paint(Role.HEAD, f"{printable(told.target)}, by {printable(told.program)}")]
    for device in told.devices:
        told_of = printable(devices.words(device.facts)) or f"{len(device.facts)} facts"
        lines += style.paragraph(told_of, first=f"  {printable(device.name)} ({device.interface}): ", rest="    ")
    for each in told.workloads:
        lines += ["", *_workload(each, style)]
    return "\n".join(lines)


def _workload(each: Workload, style: Style) -> list[str]:
    role = _ROLES.get(each.standing, Role.BAD)
    where = f" on {printable(each.device)}" if each.device else ""
    lines = style.paragraph(f"{printable(each.verdict())}", first=f"{style.paint(role, each.name)}{where}: ", rest="  ")
    if each.checks:
        wrong, of = sum(check.wrong for check in each.checks), sum(check.of for check in each.checks)
        lines.append(f"  {len(each.checks)} checks: {of - wrong} of {of} results are right")
    lines += style.table([(figure.name, _value(figure)) for figure in each.figures], indent="  ")
    lines += _host(each)
    for note in each.notes:
        lines += style.paragraph(printable(note), first="  ", rest="    ", role=Role.FAINT)
    if each.fix:
        lines += style.paragraph(printable(each.fix), first="  what to do: ", rest="    ")
    return lines


def _value(figure: Figure) -> str:
    if not figure.steady:
        return f"unstable: spread {amounts.percent(figure.spread or 0)}"
    shares = ", ".join(f"{amounts.percent(figure.rate / limit.rate)} of {limit.what}" for limit in figure.limits)
    spread = f", spread {amounts.percent(figure.spread)}" if figure.spread is not None else ""
    return f"{amounts.rate(figure.rate, figure.unit)}{spread}" + (f"; {shares}" if shares else "")


def _host(each: Workload) -> list[str]:
    """The host's own hashing beside the device's."""
    host = each.facts.get("host_hashes_a_second")
    if not isinstance(host, dict):
        return []
    rates = {figure.name: figure for figure in each.figures}
    told = [
        f"{name} {amounts.rate(rate, 'H')}"
        + (f" (the device is {amounts.times(rates[name].rate / rate)})" if rates[name].steady else "")
        for name, rate in host.items()
        if name in rates and isinstance(rate, int | float) and rate > 0
    ]
    return [f"  hashlib on the host, {each.facts.get('host_processes')} processes: {', '.join(told)}"] if told else []


def comparison(first: Report, second: Report, found: Sequence[Comparison], style: Style) -> str:
    """A line a figure."""
    head = f"{printable(second.target)} beside {printable(first.target)}"
    rows = [(f"{each.workload} {each.figure}", _ratio(each)) for each in found]
    return "\n".join([style.paint(Role.HEAD, head), *style.table(rows, indent="  ")])


def _ratio(each: Comparison) -> str:
    if each.ratio is None:
        return "one of the two is too unstable to compare"
    rates = f"{amounts.rate(each.first.rate, each.unit)} to {amounts.rate(each.second.rate, each.unit)}"
    certainty = {True: "", False: ", within the samples' spread", None: ", of single samples"}[each.apart]
    return f"{amounts.times(each.ratio)} ({rates}{certainty})"


def comparison_data(first: Report, second: Report, found: Sequence[Comparison]) -> dict[str, Any]:
    """The body of `BenchComparison`."""
    return {
        "first": first.target,
        "second": second.target,
        "figures": [
            {
                "workload": each.workload,
                "figure": each.figure,
                "unit": f"{each.unit}/s",
                "first": each.first.rate if each.first.steady else None,
                "second": each.second.rate if each.second.steady else None,
                "ratio": each.ratio,
                "apart": each.apart,
            }
            for each in found
        ],
    }


Shared = Mapping[int, tuple[Report, tuple[Report, ...]]]


def slices(found: Shared, whole: Report | None, style: Style) -> str:
    """Each GPU with its slices: a line a figure, or why there is none."""
    lines: list[str] = []
    for gpu, (alone, busy) in found.items():
        lines.append(style.paint(Role.HEAD, f"GPU {gpu}: {len(busy)} slices"))
        rows = [(each.figure, _sharing(each)) for each in shared(alone, busy, whole)]
        lines += style.table(rows, indent="  ")
        silent = {each.verdict() for report in (alone, *busy) for each in report.workloads if not each.figures}
        for told in sorted(silent):
            lines += style.paragraph(printable(told), first="  ", rest="    ")
    return "\n".join(lines)


def _sharing(each: Sharing) -> str:
    if each.kept is None:
        return "too unstable for a figure"
    told = (
        f"alone {amounts.rate(each.alone.rate, each.unit)}; of that {amounts.percent(each.kept)} with busy neighbours"
    )
    together = f"; all together {amounts.rate(each.together, each.unit)}"
    efficiency = f", {amounts.percent(each.efficiency)} of the whole GPU" if each.efficiency is not None else ""
    return told + together + efficiency


def slices_data(found: Shared, whole: Report | None) -> dict[str, Any]:
    """The body of `BenchSlices`."""
    return {
        "gpus": [
            {
                "gpu": gpu,
                "slices": len(busy),
                "figures": [
                    {
                        "figure": each.figure,
                        "unit": f"{each.unit}/s",
                        "alone": each.alone.rate,
                        "busy": [figure.rate for figure in each.busy],
                        "kept": each.kept,
                        "efficiency": each.efficiency,
                    }
                    for each in shared(alone, busy, whole)
                ],
                "alone": codec.to_data(alone),
                "together": [codec.to_data(report) for report in busy],
            }
            for gpu, (alone, busy) in found.items()
        ]
    }
