"""Prints how long files and functions are: median, 90th percentile, and those over the habit.

Boundary: reads Python sources below the folders given; judges nothing. A file's length is its lines; a function's runs
from `def` (its decorators left out) to its last line, nested ones counted on their own as well.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

FILE_HABIT = 400
FUNCTION_HABIT = 50


@dataclass(frozen=True, slots=True)
class Length:
    """`lines` of one file, or of one function (`where` is path:line name)."""

    where: str
    lines: int


def files(root: Path) -> Iterator[Length]:
    """One length a Python file below `root`, in order of path."""
    for path in sorted(root.rglob("*.py")):
        yield Length(str(path), len(path.read_text(encoding="utf-8").splitlines()))


def functions(root: Path) -> Iterator[Length]:
    """One length a function or method below `root`."""
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
                yield Length(f"{path}:{node.lineno} {node.name}", node.end_lineno - node.lineno + 1)


def percentile(lengths: Sequence[Length], share: float) -> int:
    """The smallest length that at least `share` (0 to 1) of `lengths` do not exceed; 0 for none."""
    ordered = sorted(length.lines for length in lengths)
    return next((lines for rank, lines in enumerate(ordered, start=1) if rank >= share * len(ordered)), 0)


def report(root: Path) -> Iterator[str]:
    """The lines printed for one folder."""
    for kind, lengths, habit in (
        ("files", list(files(root)), FILE_HABIT),
        ("functions", list(functions(root)), FUNCTION_HABIT),
    ):
        over = sorted((length for length in lengths if length.lines > habit), key=lambda length: -length.lines)
        yield (
            f"{root} {kind}: {len(lengths)}, median {percentile(lengths, 0.5)}, p90 {percentile(lengths, 0.9)}, "
            f"over {habit} lines: {len(over)}"
        )
        for length in over:
            yield f"  {length.lines:5} {length.where}"


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        print("\n".join(report(Path(argument))))
