"""What is wrong in a document, in document order, with the lines it concerns.

Boundary: pure; one problem's form is `gpucarve.model.diagnostics`'.
"""

from __future__ import annotations

from collections.abc import Sequence

from gpucarve.cli.views.text import Role, Style
from gpucarve.model.diagnostics import Diagnostic, Severity
from gpucarve.model.diagnostics import render as one


def render(found: Sequence[Diagnostic], style: Style) -> str:
    """Every problem, an empty line between two. Excerpts are not wrapped: their carets would point elsewhere."""
    return "\n\n".join(_one(each, style) for each in found)


def _one(diagnostic: Diagnostic, style: Style) -> str:
    head, _, rest = one(diagnostic).partition("\n")
    role = Role.BAD if diagnostic.severity is Severity.ERROR else Role.WARN
    return "\n".join(part for part in (style.paint(role, head), rest) if part)
