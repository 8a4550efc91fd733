"""Findings as a list: what was seen, why it matters, what to do.

Boundary: pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from gpucarve.cli.views.text import Role, Style, count
from gpucarve.model.findings import Finding, Verdict

_MARKS = {
    Verdict.HOLDS: ("ok", Role.GOOD),
    Verdict.DIFFERS: ("differs", Role.BAD),
    Verdict.UNKNOWN: ("unknown", Role.WARN),
}


def render(found: Sequence[Finding], style: Style) -> str:
    """Grouped by host, in the order given."""
    lines: list[str] = []
    for target, group in groupby(found, key=lambda each: each.target):
        lines.append(style.paint(Role.HEAD, str(target)))
        for finding in group:
            lines += _finding(finding, style)
    return "\n".join(lines)


def summary(found: Sequence[Finding]) -> str:
    """How many of each, in one line."""
    judged = [each.verdict for each in found if not each.warning]
    tally = [(verdict, judged.count(verdict)) for verdict in Verdict]
    words = {Verdict.HOLDS: "as wanted", Verdict.DIFFERS: "different", Verdict.UNKNOWN: "unknown"}
    parts = [f"{number} {words[verdict]}" for verdict, number in tally if number]
    parts += [count(len(found) - len(judged), "warning")] if len(judged) < len(found) else []
    return f"{count(len(found), 'check')}: {', '.join(parts)}" if parts else "nothing to check"


def _finding(finding: Finding, style: Style) -> list[str]:
    word, role = ("warning", Role.WARN) if finding.warning else _MARKS[finding.verdict]
    indent = " " * 11
    first = f"  {style.paint(role, f'{word:<7}')}  "
    lines = style.paragraph(f"{finding.check}: {finding.fact}", first=first, rest=indent)
    lines += style.paragraph(finding.rule, first=indent) if finding.rule else []
    lines += style.paragraph(f"fix: {finding.fix}", first=indent, rest=f"{indent}  ") if finding.fix else []
    return lines
