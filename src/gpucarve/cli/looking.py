"""What verbs make of a survey: refusing where something stands in the way, judging where something should stand.

Boundary: findings to words and exit statuses; looks at nothing itself.
"""

from __future__ import annotations

from gpucarve.app import Survey
from gpucarve.checks.preflight import preflight
from gpucarve.checks.verification import verify
from gpucarve.cli.exits import Exit, of_findings
from gpucarve.cli.output import Output
from gpucarve.cli.views import documents, findings
from gpucarve.cli.views.text import count
from gpucarve.model.findings import Finding


def refuse(found: Survey, output: Output) -> Exit:
    """Say why nothing can be done."""
    output.data("Findings", documents.findings(found.problems), findings.render(found.problems, output.style))
    stand = "stands" if len(found.problems) == 1 else "stand"
    output.error(f"{count(len(found.problems), 'problem')} {stand} in the way; nothing was changed", _spared(found))
    return of_findings(found.problems, found.refused.values())


def warn(found: Survey, output: Output) -> None:
    """Say what is worth knowing and keeps nobody from going on."""
    if found.warnings:
        output.note(findings.render(found.warnings, output.side))


def _spared(found: Survey) -> str:
    """What to do for the sake of the hosts that have something to do and nothing in the way."""
    offer = found.offer.plan
    rollouts = offer.rollouts
    spent = [f"{each.max_failures} at site {each.site}" for each in rollouts if each.exhausted]
    if not spent or not offer.steps:
        return ""
    return f"maxFailures is {', '.join(spent)}: name the other hosts with --limit, or raise it, to go on without them"


def judged(found: Survey) -> tuple[Finding, ...]:
    """Whether everything stands: an answer for each resource, and for each host that could not be judged."""
    of_changes = set(preflight(found.draft, found.observed))
    kept = [problem for problem in found.problems if problem not in of_changes]
    return tuple(sorted((*kept, *verify(found.draft)), key=lambda each: each.target))
