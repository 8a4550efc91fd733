"""A bench report as one HTML page that needs nothing beside itself.

Boundary: a report to text.
"""

from __future__ import annotations

from html import escape

from gpucarve.bench.reports import DeviceFacts, Figure, Report, Standing, Workload
from gpucarve.report import amounts, roofs
from gpucarve.report.devices import words
from gpucarve.report.svg import Bar, bars, processors

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --dim: #59636e; --paper: #fff; --track: #eceff2; --good: #1a7f37;
  --warn: #9a6700; --bad: #cf222e; --bar: #3b7dd8; --faint: #a8b3bf; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --dim: #9198a1; --paper: #0d1117; --track: #21262d;
  --good: #3fb950; --warn: #d29922; --bad: #f85149; --bar: #4f94ef; --faint: #59636e; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 50rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .3rem; } p { margin: .3rem 0; }
table { border-collapse: collapse; } td, th { text-align: left; padding: .15rem .8rem .15rem 0; vertical-align: top; }
.dim { color: var(--dim); } .good { color: var(--good); } .warn { color: var(--warn); } .bad { color: var(--bad); }
svg { width: 100%; height: auto; font: 13px system-ui, sans-serif; } svg text { fill: var(--ink); }
.track { fill: var(--track); } .bar { fill: var(--bar); } .faint { fill: var(--faint); }
.roof { fill: none; stroke: var(--dim); stroke-width: 2; } details { margin: .5rem 0; }
"""
_ROLES = {Standing.SHARE: "good", Standing.RUNS: "good", Standing.UNSTABLE: "warn"}


def page(report: Report) -> str:
    """The whole page."""
    title = f"What {report.target} can do"
    told = "".join(_workload(each) for each in report.workloads)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f'<h1>{escape(title)}</h1><p class="dim">By {escape(report.program)}.</p>'
        f"{roofs.drawn(report)}{told}{''.join(_device(each) for each in report.devices)}</body></html>\n"
    )


def _workload(each: Workload) -> str:
    role = _ROLES.get(each.standing, "bad")
    where = f' <span class="dim">on {escape(each.device)}</span>' if each.device else ""
    parts = [f"<h2>{escape(each.name)}{where}</h2>", f'<p class="{role}">{escape(each.verdict())}</p>']
    if each.fix:
        parts.append(f"<p>What to do: {escape(each.fix)}</p>")
    if each.checks:
        wrong, of = sum(check.wrong for check in each.checks), sum(check.of for check in each.checks)
        parts.append(f'<p class="dim">{len(each.checks)} checks: {wrong} of {of} results wrong.</p>')
    parts += [f'<p class="dim">{escape(note)}</p>' for note in each.notes]
    if each.figures:
        parts.append(bars(_bars(each), f"Figures of {each.name}"))
    return "".join(parts)


def _bars(each: Workload) -> list[Bar]:
    """Each figure against its limit, or against the fastest; the host's own hashing beside the device's."""
    fastest = max(figure.rate for figure in each.figures)
    host = each.facts.get("host_hashes_a_second")
    rows = []
    for figure in each.figures:
        length = figure.share if figure.share is not None else figure.rate / fastest
        rows.append(Bar(figure.name, length, _value(figure)))
        if isinstance(host, dict) and isinstance(host.get(figure.name), int | float):
            rate = float(host[figure.name])
            rows.append(Bar(f"{figure.name}, host", length * rate / figure.rate, amounts.rate(rate, "H"), faint=True))
    return rows


def _value(figure: Figure) -> str:
    if not figure.steady:
        return f"unstable (spread {amounts.percent(figure.spread or 0)})"
    share = f" ({amounts.percent(figure.share)})" if figure.share is not None else ""
    return f"{amounts.rate(figure.rate, figure.unit)}{share}"


def _drawn(device: DeviceFacts) -> str:
    """The device as its processors, where their number is known."""
    told = device.facts
    count = told.get("multiprocessors") or told.get("compute_units")
    if not isinstance(count, int) or count < 1:
        return ""
    return f"<h2>{escape(device.name)}</h2>" + processors(count, words(told), f"The parts of {device.name}")


def _device(device: DeviceFacts) -> str:
    rows = "".join(
        f"<tr><th>{escape(name.replace('_', ' '))}</th><td>{escape(str(value))}</td></tr>"
        for name, value in device.facts.items()
    )
    return _drawn(device) + (
        f"<details><summary>{escape(device.name)} ({escape(device.interface)}): "
        f"{len(device.facts)} facts</summary><table>{rows}</table></details>"
    )
