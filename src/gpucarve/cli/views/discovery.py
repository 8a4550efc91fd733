"""What is there on hosts: kernel, boot loader, driver, GPUs and the types they offer.

Boundary: pure; facts as the hosts gave them, each `unknown` with its reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gpucarve.calls.programs import Refusal
from gpucarve.catalog import Catalog
from gpucarve.cli.views import status
from gpucarve.cli.views.gpus import GpuRow, rows
from gpucarve.cli.views.text import Role, Style
from gpucarve.facts import boot, driver, grub, ours
from gpucarve.facts.observed import Observed, Unknown
from gpucarve.model.hosts import Target

Answers = Mapping[Target, Observed | Refusal]


def render(answers: Answers, catalog: Catalog, style: Style) -> str:
    """A block a host."""
    lines: list[str] = []
    for target, answer in answers.items():
        lines.append(style.paint(Role.HEAD, str(target)))
        if isinstance(answer, Refusal):
            lines += style.paragraph(f"{answer.kind.value}: {answer.detail}", first="  ", role=Role.BAD)
            continue
        lines += style.table(_facts(answer), indent="  ")
        found = rows(answer, catalog)
        if isinstance(found, Unknown):
            lines += style.table([("GPUs", f"unknown: {found.why}")], indent="  ")
            continue
        for row in found:
            lines += _gpu(row, style)
    return "\n".join(lines)


def data(answers: Answers, catalog: Catalog) -> dict[str, Any]:
    """The body of `Discovery`."""
    return {"hosts": [_host_data(target, answer, catalog) for target, answer in answers.items()]}


def _facts(observed: Observed) -> list[tuple[str, str]]:
    running, loader = observed.get(boot.PROBE), observed.get(grub.PROBE)
    tools, state = observed.get(driver.PROBE), observed.get(ours.PROBE)
    found: list[tuple[str, str]] = []
    if isinstance(running, Unknown):
        found.append(("kernel", f"unknown: {running.why}"))
    else:
        found += [("kernel", f"{running.kernel} on {running.cpu_vendor}"), ("booted", " ".join(running.command_line))]
    if isinstance(loader, Unknown):
        found.append(("loader", f"unknown: {loader.why}"))
    else:
        found.append(
            ("loader", "none that is known" if loader is None else f"GRUB, boot entries: {len(loader.entries)}")
        )
    if isinstance(tools, Unknown):
        found.append(("driver", f"unknown: {tools.why}"))
    else:
        found += [("driver", tools.version or "not loaded"), ("tools", _tools(tools))]
    if isinstance(state, Unknown):
        found.append(("ours", f"unknown: {state.why}"))
    else:
        found += [("lease", status.held(state.lease)), ("ours", ", ".join(state.claims) or "nothing")]
    return found


def _tools(tools: driver.Driver) -> str:
    return ", ".join(name if there else f"no {name}" for name, there in _tools_there(tools).items())


def _tools_there(tools: driver.Driver) -> dict[str, bool]:
    return {"sriov-manage": tools.sriov_manage, "mdevctl": tools.mdevctl, "update-grub": tools.update_grub}


def _gpu(row: GpuRow, style: Style) -> list[str]:
    parts = [
        ("model", f"{row.model} ({row.ids})"),
        ("bound to", row.driver or "no driver"),
        ("IOMMU", "off" if row.iommu_group is None else f"group {row.iommu_group}"),
        ("VFs", f"{row.enabled_vfs} of {row.total_vfs}"),
    ]
    for each in row.slices:
        by = "ours" if each.owned else "foreign"
        used = f", used by {', '.join(each.users)}" if each.users else ""
        parts.append(("vGPU", f"{each.type_name} {each.uuid} on {each.virtual_function}, {by}{used}"))
    if row.offered:
        parts.append(("offers", ", ".join(row.offered)))
    return [f"  GPU {row.address}", *style.table(parts, indent="    ")]


def _host_data(target: Target, answer: Observed | Refusal, catalog: Catalog) -> dict[str, Any]:
    if isinstance(answer, Refusal):
        return {"target": str(target), "answers": False, "why": f"{answer.kind.value}: {answer.detail}"}
    found = rows(answer, catalog)
    running, tools, state = answer.get(boot.PROBE), answer.get(driver.PROBE), answer.get(ours.PROBE)
    return {
        "target": str(target),
        "answers": True,
        "kernel": None
        if isinstance(running, Unknown)
        else {
            "release": running.kernel,
            "bootId": running.boot_id,
            "commandLine": list(running.command_line),
            "cpuVendor": running.cpu_vendor,
        },
        "driver": None if isinstance(tools, Unknown) else {"version": tools.version, "tools": _tools_there(tools)},
        "claims": None if isinstance(state, Unknown) else list(state.claims),
        "gpus": None if isinstance(found, Unknown) else [_gpu_data(row) for row in found],
        "unknown": {name: fact.why for name, fact in answer.facts.items() if isinstance(fact, Unknown)},
    }


def _gpu_data(row: GpuRow) -> dict[str, Any]:
    beside = {"ids": row.ids, "driver": row.driver, "iommuGroup": row.iommu_group, "offers": row.offered}
    return {**status.gpu_data(row), **beside}
