"""The fleet at a glance: one line a GPU with its slices drawn, who works on its host, the run that was cut off.

Boundary: pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from gpucarve.calls.programs import Lease, Refusal
from gpucarve.catalog import Catalog
from gpucarve.cli.views.bars import bar
from gpucarve.cli.views.gpus import VFIO, GpuRow, rows
from gpucarve.cli.views.text import Role, Style, count
from gpucarve.facts import driver, ours
from gpucarve.facts.observed import Observed, Unknown
from gpucarve.journal.store import Run
from gpucarve.model.hosts import Target

_NARROW = 72  # columns; below it the words stand under the drawing
_CELLS = ((110, 48), (90, 32), (_NARROW, 24))  # from so many columns on, so many cells: multiples of MIG's slices
_FEWEST = 16
_NAMED = 4  # users; a busy GPU has dozens of processes

Answers = Mapping[Target, Observed | Refusal]


def render(answers: Answers, run: Run | None, catalog: Catalog, style: Style) -> str:
    """Every host in order, then the journal's word."""
    lines: list[str] = []
    for target, answer in answers.items():
        lines += _host(target, answer, catalog, style)
    if run:
        text = (
            f"run {run.run} ({run.plan.purpose.value}, begun {run.started}) has not ended: unless another gpucarve "
            f"is at work on it, it paused or was cut off; `{_command(answers, run)}` goes on with it"
        )
        lines += style.paragraph(text, rest="  ", role=Role.WARN)
    return "\n".join(lines)


def data(answers: Answers, run: Run | None, catalog: Catalog) -> dict[str, Any]:
    """The body of `Status`."""
    return {
        "hosts": [_host_data(target, answer, catalog) for target, answer in answers.items()],
        "unfinishedRun": {"run": run.run, "purpose": run.plan.purpose.value, "started": run.started} if run else None,
    }


def _host(target: Target, answer: Observed | Refusal, catalog: Catalog, style: Style) -> list[str]:
    if isinstance(answer, Refusal):
        text = f"{answer.kind.value}" + (f": {answer.detail}" if answer.detail else "")
        return style.paragraph(text, first=f"{target}  ", rest="  ", role=Role.BAD)
    head = f"NVIDIA driver {_driver(answer)}, {_lease(answer)}"
    lines = style.paragraph(head, first=f"{style.paint(Role.HEAD, str(target))}  ", rest="  ")
    found = rows(answer, catalog)
    if isinstance(found, Unknown):
        return [*lines, *style.paragraph(f"its GPUs are unknown: {found.why}", first="  ", role=Role.WARN)]
    for row in found:
        lines += _gpu(row, style)
    return lines or [str(target)]


def _gpu(row: GpuRow, style: Style) -> list[str]:
    narrow = style.width < _NARROW
    cells = next((number for width, number in _CELLS if style.width >= width), _FEWEST)
    head = f"  {row.address} {bar(row, cells, style)}"
    text = ", ".join((row.model.removeprefix("NVIDIA "), *words(row)))
    return (
        [head, *style.paragraph(text, first="    ")] if narrow else style.paragraph(text, first=f"{head} ", rest="    ")
    )


def words(row: GpuRow) -> list[str]:
    """What the drawing cannot say: counts with whole names, whose they are, what is odd, who uses them."""
    if row.passed_through:
        held = [each for each in row.companions if each.driver == VFIO]
        functions = count(len(row.companions), "function")
        found = ["for a VM" if len(held) == len(row.companions) else f"{len(held)} of {functions} on {VFIO}"]
        return found + _used_by(row.users)
    kinds = Counter((each.type_name, each.owned) for each in sorted(row.slices, key=lambda each: not each.owned))
    found = [f"{number}x {name}" + ("" if owned else " (foreign)") for (name, owned), number in kinds.items()]
    bare = Counter((each.profile, bool(each.compute)) for each in row.instances if each.vgpu is None)
    found += [f"{number}x {name}" + ("" if full else " (empty)") for (name, full), number in bare.items()]
    if not found and not row.vgpus_unclear:
        makes_vfs = row.sriov_vgpu and row.driver == "nvidia"
        found = [f"{row.enabled_vfs}/{row.total_vfs} VFs"] if makes_vfs else []
        found += ["MIG on, no instances" if row.mig else "not carved"]
    if row.driver != "nvidia":
        found.append(f"driver {row.driver}" if row.driver else "no driver")
    if row.vgpus_unclear:
        found.append(f"vGPUs unknown: {row.vgpus_unclear}")
    if row.unclear:
        found.append(f"MIG unknown: {row.unclear}")
    elif row.mig is not row.mig_pending:
        found.append(f"MIG {'on' if row.mig_pending else 'off'} after a GPU reset")
    return found + _used_by((*row.users, *(user for each in row.slices for user in each.users)))


def _used_by(users: Sequence[str]) -> list[str]:
    more = f" and {len(users) - _NAMED} more" if len(users) > _NAMED else ""
    return [f"used by {', '.join(users[:_NAMED])}{more}"] if users else []


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


def _command(answers: Answers, run: Run) -> str:
    """What goes on with a run: it has to be about the same hosts."""
    verb = f"gpucarve {run.plan.purpose.value}"
    if set(answers) == set(run.plan.hosts):
        return verb
    names = [f"--limit {target}" for target in run.plan.hosts]
    return " ".join([verb, *(names if len(names) <= 3 else (*names[:2], "…"))])


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
        "mig": None
        if row.mig is None
        else {
            "enabled": row.mig,
            "pending": row.mig_pending,
            "instances": [
                {
                    "profile": each.profile,
                    "start": each.start,
                    "size": each.size,
                    "computeInstances": each.compute,
                    "vgpu": each.vgpu.uuid if each.vgpu else None,
                }
                for each in row.instances
            ],
        },
        "functions": [{"address": each.address, "driver": each.driver} for each in row.companions],
        "users": list(row.users),
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
