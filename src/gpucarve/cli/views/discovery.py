"""What is there on hosts: a block a host, with its facts and its GPUs.

Boundary: pure; facts as the hosts gave them, each `unknown` with its reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gpucarve.calls.programs import Refusal
from gpucarve.catalog import Catalog
from gpucarve.cli.views import gpu_facts, host_facts
from gpucarve.cli.views.gpus import rows
from gpucarve.cli.views.text import Role, Style
from gpucarve.facts.observed import Observed, Unknown
from gpucarve.model.hosts import Target

Answers = Mapping[Target, Observed | Refusal]


def render(answers: Answers, catalog: Catalog, style: Style) -> str:
    """Every host in order."""
    lines: list[str] = []
    for target, answer in answers.items():
        lines.append(style.paint(Role.HEAD, str(target)))
        if isinstance(answer, Refusal):
            lines += style.paragraph(f"{answer.kind.value}: {answer.detail}", first="  ", role=Role.BAD)
            continue
        found = rows(answer, catalog)
        facts = host_facts.lines(answer)
        if isinstance(found, Unknown):
            facts.append(("GPUs", f"unknown: {found.why}"))
        elif not found:
            facts.append(("GPUs", "there is no NVIDIA GPU"))
        lines += style.table(facts, indent="  ")
        for row in () if isinstance(found, Unknown) else found:
            lines += gpu_facts.lines(row, answer, style)
    return "\n".join(lines)


def data(answers: Answers, catalog: Catalog) -> dict[str, Any]:
    """The body of `Discovery`."""
    return {"hosts": [_host(target, answer, catalog) for target, answer in answers.items()]}


def _host(target: Target, answer: Observed | Refusal, catalog: Catalog) -> dict[str, Any]:
    if isinstance(answer, Refusal):
        return {"target": str(target), "answers": False, "why": f"{answer.kind.value}: {answer.detail}"}
    found = rows(answer, catalog)
    gpus = None if isinstance(found, Unknown) else [gpu_facts.data(row, answer) for row in found]
    return {"target": str(target), "answers": True, **host_facts.data(answer), "gpus": gpus}
