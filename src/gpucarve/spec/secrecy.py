"""Keeps what looks like a secret out of the excerpts that diagnostics show.

Boundary: names of keys and the lines of the document. The grammar has no place for a secret; somebody may still put
one there, and a diagnostic ends up in terminals and in the logs of continuous integration.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from gpucarve.spec import tree
from gpucarve.spec.tree import Node, Scalar, Table

_SECRET = re.compile(r"pass(word|phrase|wd)?$|secret|token|api_?key|private_?key|credential", re.IGNORECASE)
_KEY = re.compile(r"(\w+)[\"']?\s*:\s*")


def is_secret(key: str) -> bool:
    """Whether a value under this key is likely one that must not be shown."""
    return _SECRET.search(key) is not None


def masked(lines: Sequence[str], root: Node | None) -> tuple[str, ...]:
    """The lines with every such value replaced by stars, columns kept.

    Without a tree, for a document that cannot be read to its end, a line is starred from the value on.
    """
    if root is None:
        return tuple(_line(line) for line in lines)
    shown = list(lines)
    for node in _secrets(root):
        first, last = node.span.line - 1, min(node.last_line, len(shown)) - 1
        start, end = node.span.column - 1, node.span.column - 1 + node.span.length
        if first == last:
            shown[first] = shown[first][:start] + "*" * (end - start) + shown[first][end:]
            continue
        shown[first] = shown[first][:start] + "*" * len(shown[first][start:])
        shown[first + 1 : last + 1] = ["*" * len(line) for line in shown[first + 1 : last + 1]]
    return tuple(shown)


def _line(line: str) -> str:
    for key in _KEY.finditer(line):
        if is_secret(key[1]):
            return line[: key.end()] + "*" * (len(line) - key.end())
    return line


def _secrets(node: Node, secret: bool = False) -> Iterator[Scalar]:
    match node:
        case Scalar() if secret:
            yield node
        case tree.Sequence(items=items):
            for item in items:
                yield from _secrets(item, secret)
        case Table(entries=entries):
            for entry in entries.values():
                yield from _secrets(entry.value, secret or is_secret(entry.key))
        case _:
            pass
