"""The fleet at a glance: one line a GPU with its slices drawn, who works on its host, the run that was cut off.

Boundary: pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from gpucarve.calls.programs import Lease, Refusal
from gpucarve.catalog import Catalog
from gpucarve.cli.views.gpus import GpuRow, Slice, rows
from gpucarve.cli.views.text import Role, Style
from gpucarve.facts import driver, ours
from gpucarve.facts.observed import Observed, Unknown
from gpucarve.journal.store import Run
from gpucarve.model.hosts import Target

_CELLS = 20
_NARROW = 72

Answers = Mapping[Target, Observed | Refusal]


def render(answers: Answers, run: Run | None, catalog: Catalog, style: Style) -> str:
    """Every host in order, then the journal's word."""
    lines: list[str] = []
    for target, answer in answers.items():
        lines += _host(target, answer, catalog, style)
    if run:
        text = (
            f"run {run.run} ({run.plan.purpose.value}, begun {run.started}) has not ended: unless another gpucarve "
            f"is at work on it, it was cut off; `gpucarve {run.plan.purpose.value}` goes on with it"
        )
        lines += style.paragraph(text, rest="  ", role=Role.WARN)
    return "\n".join(lines)


def data(answers: Answers, run: Run | None, catalog: Catalog) -> dict[str, Any]:
    """The body of `Status`."""
    return {
        "hosts": [_host_data(target, answer, catalog) for target, answer in answers.items()],
        "unfinishedRun": {"run": run.run, "purpose": run.plan.purpose.value, "started": run.started} if run else None,
    }


def bar(slices: tuple[Slice, ...], cells: int = _CELLS) -> str:
    """The GPU as a row of cells: each slice as wide as its share, dots for what is free, `?` where that is unknown."""
    if any(not each.most for each in slices):
        return "[" + "?" * cells + "]"
    drawn, taken, end = "", 0.0, 0
    for number, each in enumerate(slices):
        taken += cells / each.most
        start, end = end, min(round(taken), cells)
        drawn += ("#" if number % 2 == 0 else "=") * (end - start)
    return "[" + drawn.ljust(cells, ".") + "]"


def _host(target: Target, answer: Observed | Refusal, catalog: Catalog, style: Style) -> list[str]:
    if isinstance(answer, Refusal):
        text = f"{answer.kind.value}" + (f": {answer.detail}" if answer.detail else "")
        return style.paragraph(text, first=f"{target}  ", rest="  ", role=Role.BAD)
    head = f"driver {_driver(answer)}, {_lease(answer)}"
    lines = style.paragraph(head, first=f"{style.paint(Role.HEAD, str(target))}  ", rest="  ")
    found = rows(answer, catalog)
    if isinstance(found, Unknown):
        return [*lines, *style.paragraph(f"its GPUs are unknown: {found.why}", first="  ", role=Role.WARN)]
    for row in found:
        lines += _gpu(row, style)
    return lines or [str(target)]


def _gpu(row: GpuRow, style: Style) -> list[str]:
    kinds = Counter((each.type_name, each.owned) for each in sorted(row.slices, key=lambda each: not each.owned))
    parts = [f"{number}x {name}" + ("" if owned else " (foreign)") for (name, owned), number in kinds.items()]
    used = [user for each in row.slices for user in each.users]
    parts += [f"used by {', '.join(used)}"] if used else []
    functions = f"{row.enabled_vfs}/{row.total_vfs} VFs"
    text = ", ".join([row.model.removeprefix("NVIDIA "), functions, *(parts or ["no vGPUs"])])
    head = f"  {row.address} {bar(row.slices)}"
    if style.width < _NARROW:
        return [head, *style.paragraph(text, first="    ")]
    return style.paragraph(text, first=f"{head} ", rest="    ")


def _driver(observed: Observed) -> str:
    found = observed.get(driver.PROBE)
    return "unknown" if isinstance(found, Unknown) else found.version or "not loaded"


def _lease(observed: Observed) -> str:
    found = observed.get(ours.PROBE)
    if isinstance(found, Unknown):
        return "who works there is unknown"
    return held(found.lease)


def held(lease: Lease) -> str:
    """Who works on a host."""
    return f"held by controller {lease.holder} (run {lease.run})" if lease.holder else "nobody at work"


def _host_data(target: Target, answer: Observed | Refusal, catalog: Catalog) -> dict[str, Any]:
    if isinstance(answer, Refusal):
        return {"target": str(target), "answers": False, "why": f"{answer.kind.value}: {answer.detail}"}
    found, state = rows(answer, catalog), answer.get(ours.PROBE)
    lease = None if isinstance(state, Unknown) or not state.lease.holder else state.lease
    return {
        "target": str(target),
        "answers": True,
        "driver": _driver(answer),
        "lease": {"holder": lease.holder, "run": lease.run, "fence": lease.fence} if lease else None,
        "gpus": None if isinstance(found, Unknown) else [gpu_data(row) for row in found],
    }


def gpu_data(row: GpuRow) -> dict[str, Any]:
    """One GPU."""
    return {
        "address": row.address,
        "model": row.model,
        "enabledVfs": row.enabled_vfs,
        "totalVfs": row.total_vfs,
        "vgpus": [
            {
                "type": each.type_name,
                "uuid": each.uuid,
                "virtualFunction": each.virtual_function,
                "owned": each.owned,
                "users": list(each.users),
            }
            for each in row.slices
        ],
    }
