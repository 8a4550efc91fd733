"""Problems as the spec's parts find them, and how they become diagnostics.

Boundary: positions of our tree to positions of a file. What somebody may have meant is worked out last, and only
for the problems that are shown: a hostile document can hold a hundred thousand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypeAlias

from gpucarve.model.diagnostics import Diagnostic, Position, Severity
from gpucarve.spec.tree import Path, Span, spelled

MOST_SHOWN = 100
_EXCERPT = 160
_LONGEST_WORD = 64

# Finds the words somebody may have meant, the likeliest first.
Meant: TypeAlias = Callable[[], Sequence[str]]


def nothing_meant() -> Sequence[str]:
    """The answer where no better word is known."""
    return ()


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to put right. `meant` finds the words somebody may have meant, the likeliest first."""

    span: Span
    path: Path
    message: str
    hint: str = ""
    meant: Meant = nothing_meant


def alike(word: str, words: Iterable[str]) -> Sequence[str]:
    """The one of `words` that `word` is a slip of, if any."""
    by_fold = {other.casefold(): other for other in words}
    close = get_close_matches(word[:_LONGEST_WORD].casefold(), by_fold, n=1, cutoff=0.6)
    return tuple(by_fold[fold] for fold in close)


def quoted(text: str) -> str:
    """Text of the document as a message shows it: cut short, and free of line ends."""
    short = text if len(text) <= 60 else text[:57] + "..."
    return "`" + "".join(char if char.isprintable() else "?" for char in short) + "`"


def diagnostics(problems: Iterable[Problem], file: str, lines: Sequence[str]) -> tuple[Diagnostic, ...]:
    """All problems in document order, each once; past the first hundred only that there are more."""
    ordered = sorted({(each.span, each.path, each.message): each for each in problems}.values(), key=_order)
    shown = [_diagnostic(each, file, lines) for each in ordered[:MOST_SHOWN]]
    if len(ordered) > MOST_SHOWN:
        shown.append(_rest(ordered[MOST_SHOWN], file))
    return tuple(shown)


def _order(problem: Problem) -> tuple[Span, str]:
    return problem.span, problem.message


def _diagnostic(problem: Problem, file: str, lines: Sequence[str]) -> Diagnostic:
    span = problem.span
    meant = " or ".join(quoted(word) for word in problem.meant())
    line = lines[span.line - 1] if span.line <= len(lines) else ""
    start = 0 if span.column <= _EXCERPT else span.column - _EXCERPT // 4
    return Diagnostic(
        Severity.ERROR,
        f"{problem.message}; did you mean {meant}?" if meant else problem.message,
        Position(file, span.line, span.column, span.length),
        excerpt=line[start : start + _EXCERPT],
        excerpt_column=start + 1,
        path=spelled(problem.path),
        hint=problem.hint,
    )


def _rest(first: Problem, file: str) -> Diagnostic:
    position = Position(file, first.span.line, first.span.column, first.span.length)
    return Diagnostic(Severity.ERROR, "there are more problems from here on", position, hint="put these right first")
