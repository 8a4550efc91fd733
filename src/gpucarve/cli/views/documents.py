"""The JSON that verbs print: one object, with apiVersion and kind first.

Boundary: values to plain data. The forms are stable: fields are added, never renamed or taken away.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gpucarve.model.diagnostics import Diagnostic
from gpucarve.model.findings import Finding

API_VERSION = "gpucarve/v1alpha1"


def render(kind: str, body: Mapping[str, Any]) -> str:
    """The text of one document."""
    return json.dumps({"apiVersion": API_VERSION, "kind": kind, **body}, indent=2, ensure_ascii=False)


def finding(each: Finding) -> dict[str, str | bool]:
    """One answer of a check."""
    return {
        "target": str(each.target),
        "check": each.check,
        "verdict": each.verdict.value,
        "fact": each.fact,
        "rule": each.rule,
        "fix": each.fix,
        "warning": each.warning,
    }


def findings(found: Sequence[Finding]) -> dict[str, Any]:
    """The body of `Findings`."""
    return {"findings": [finding(each) for each in found]}


def diagnostics(found: Sequence[Diagnostic]) -> dict[str, Any]:
    """The body of `Diagnostics`; lines and columns count from 1."""
    return {
        "diagnostics": [
            {
                "severity": each.severity.value,
                "message": each.message,
                "file": each.position.file,
                "line": each.position.line,
                "column": each.position.column,
                "length": each.position.length,
                "path": each.path,
                "excerpt": each.excerpt,
                "hint": each.hint,
            }
            for each in found
        ]
    }
