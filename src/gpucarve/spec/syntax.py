"""libyaml's complaints in plain words.

Boundary: one parser error to one problem. The parser's own sentences are about tokens and simple keys; people want to
know which colon, quote or bracket is wrong.
"""

from __future__ import annotations

import yaml

from gpucarve.spec.problems import Problem
from gpucarve.spec.tree import Span

_PLAIN = (
    ("mapping values are not allowed", "a second `: ` on this line", "quote the value if the colon belongs to it"),
    ("could not find expected ':'", "this line is no `key: value`", "write a colon and a space after the key"),
    ("found unexpected end of stream", "a quote is opened here and never closed", "close the quote"),
    (
        "expected ',' or ']'",
        "a `[` is opened here and never closed",
        "put `,` between the items and `]` after the last",
    ),
    (
        "expected ',' or '}'",
        "a `{` is opened here and never closed",
        "put `,` between the entries and `}` after the last",
    ),
    (
        "expected '-' indicator",
        "a line that is no list item stands in a list",
        "indent it like the keys of its entry, or begin it with `- `",
    ),
    ("did not find expected key", "this line does not fit the ones above it", "indent it as its neighbours are"),
    ("cannot start any token", "this character cannot begin a value", "quote the value"),
    (
        "unknown escape character",
        "a backslash escape that YAML does not know",
        "use single quotes, or double the backslash",
    ),
    ("tab character", "a tab stands where spaces are expected", "use spaces"),
    ("incompatible YAML document", "a YAML version other than 1.1 and 1.2 is asked for", "leave the `%YAML` line out"),
)
_BEGAN_EARLIER = ("found unexpected end of stream", "expected ',' or", "could not find expected ':'")


def explain(error: yaml.YAMLError) -> Problem:
    """Where and what, with a way out."""
    problem = str(getattr(error, "problem", None) or "it cannot be read")
    mark = getattr(error, "problem_mark", None)
    began = getattr(error, "context_mark", None)
    if began is not None and any(text in problem for text in _BEGAN_EARLIER):
        mark = began
    span = Span(mark.line + 1, mark.column + 1) if mark is not None else Span(1, 1)
    for words, message, hint in _PLAIN:
        if words in problem:
            return Problem(span, (), message, hint)
    return Problem(span, (), f"this is not YAML: {problem}", "see that quotes, brackets and indentation are in order")
