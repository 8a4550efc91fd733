"""What would go wrong if the draft were carried out now.

Each rule is a function of a draft's steps and the snapshots; the engine asks them again before each stage.

Boundary: pure; the order of the rules. What a resource alone can see is in its own decision; here stands what concerns
several.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import chain

from gpucarve.checks import drivers, firmware, occupancy
from gpucarve.facts.observed import Observed, Unreadable
from gpucarve.model.changes import Action
from gpucarve.model.findings import Finding, Verdict
from gpucarve.model.hosts import Target
from gpucarve.plan.making import Draft
from gpucarve.plan.plans import Purpose, Step


def preflight(draft: Draft, observed: Mapping[Target, Observed]) -> tuple[Finding, ...]:
    """Every reason not to begin, and every warning: what resources are blocked by, and what the rules find."""
    found = list(draft.blocked)
    steps: dict[Target, list[Step]] = defaultdict(list)
    for step in draft.plan.steps:
        steps[step.key.target].append(step)
    for target, own in steps.items():
        if target in observed:
            found += _of_host(own, draft.plan.purpose, observed[target])
    return tuple(dict.fromkeys(found))


def _of_host(steps: Sequence[Step], purpose: Purpose, observed: Observed) -> list[Finding]:
    made = {step.key.kind for step in steps if step.action in (Action.CREATE, Action.CHANGE)}
    rules = {
        "firmware": firmware.findings(made, observed),
        "driver": drivers.findings(steps, observed),
        "in use": chain.from_iterable(occupancy.findings(step, purpose, observed) for step in steps),
    }
    found: list[Finding] = []
    for name, findings in rules.items():
        try:
            found += findings
        except Unreadable as error:
            why = "nothing is begun on the ground of a fact that could not be read"
            found.append(Finding(observed.target, name, Verdict.UNKNOWN, str(error), why))
    return found
