"""Whether what the document asks for stands, judged on a fresh snapshot alone.

Boundary: reads decisions; runs nothing.
"""

from __future__ import annotations

from gpucarve.model.findings import Finding, Verdict
from gpucarve.plan.making import Draft
from gpucarve.resources.decisions import Blocked, Change, Settled


def verify(draft: Draft) -> tuple[Finding, ...]:
    """One finding per resource, in the order of their stages."""
    found: list[Finding] = []
    for key, decision in draft.decisions.items():
        name = f"{key.kind} {key.subject}".strip()
        match decision:
            case Settled(note):
                found.append(Finding(key.target, name, Verdict.HOLDS, note))
            case Change(_, before, after):
                fix = "run `gpucarve plan`, then `gpucarve apply`"
                found.append(Finding(key.target, name, Verdict.DIFFERS, f"found {before}", f"wanted {after}", fix))
            case Blocked(findings):
                found.extend(findings)
    return tuple(found)
