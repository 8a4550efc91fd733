"""YAML text to a tree, by libyaml's events and a resolver of our own.

Boundary: syntax. YAML 1.1 reads `41:00.0` as a number, `0123` as 83 and `no` as false; here only `true`, `false`,
`null` and whole numbers in their shortest spelling are not text. Anchors, aliases and tags are refused: a fleet
document is to be read by people, line by line, and an alias can blow a kilobyte up to gigabytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

import yaml

from gpucarve.spec.problems import MOST_SHOWN, Problem, quoted
from gpucarve.spec.secrecy import Region, is_secret
from gpucarve.spec.syntax import explain
from gpucarve.spec.tree import Broken, Entry, Node, Path, Scalar, Sequence, Span, Table

DEEPEST = 50
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None, "": None}
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")

_EMPTY = Problem(
    Span(1, 1),
    (),
    "the document is empty",
    "begin with `apiVersion: gpucarve/v1alpha1` and `kind: Fleet`; docs/fleet-document.md shows a whole one",
)


@dataclass(frozen=True, slots=True)
class Composed:
    """`root` is None when the text could not be read to its end; then `secrets` may not be all there are."""

    root: Node | None
    problems: tuple[Problem, ...]
    secrets: tuple[Region, ...] = ()


def compose(text: str) -> Composed:
    """Read one document. Never raises on any text that `text.read` lets through."""
    builder = _Builder()
    loader = yaml.CSafeLoader(text)
    try:
        while builder.open_for_more and (event := loader.get_event()) is not None:
            builder.take(event)
    except yaml.YAMLError as error:
        return Composed(None, (*builder.problems, explain(error)))
    finally:
        loader.dispose()
    nothing = builder.root is None or (isinstance(builder.root, Scalar) and builder.root.value is None)
    if nothing and not builder.problems:
        return Composed(None, (_EMPTY,))
    return Composed(builder.root if builder.complete else None, tuple(builder.problems), tuple(builder.secrets))


def resolve(text: str) -> str | int | bool | None:
    """What a plain (unquoted) scalar stands for."""
    if text in _WORDS:
        return _WORDS[text]
    return int(text) if _INTEGER.fullmatch(text) else text


@dataclass(slots=True)
class _Open:
    """A collection that has begun and not ended. A mapping waits for a key while `key` is None."""

    span: Span
    path: Path
    mapping: bool
    broken: bool
    secret: bool
    items: list[Node] = field(default_factory=list)
    entries: dict[str, Entry] = field(default_factory=dict)
    key: Scalar | None = None
    dropping: bool = False

    def child_path(self) -> Path:
        """Path of the value that comes next."""
        if not self.mapping:
            return (*self.path, len(self.items))
        return (*self.path, self.key.text) if self.key else self.path

    def holds_secret(self) -> bool:
        """Whether the value that comes next is likely not to be shown."""
        return self.secret or (self.key is not None and is_secret(self.key.text))

    def closed(self) -> Node:
        """The collection as a node."""
        if self.broken:
            return Broken(self.span)
        return Table(self.span, self.entries) if self.mapping else Sequence(self.span, tuple(self.items))


class _Builder:
    """Takes events, keeps the collections that are open on a stack of its own: no recursion, a bounded depth."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.secrets: list[Region] = []
        self.root: Node | None = None
        self.open_for_more = True
        self.complete = True
        self._stack: list[_Open] = []

    def take(self, event: yaml.Event) -> None:
        """Take the next event."""
        match event:
            case yaml.DocumentStartEvent() if self.root is not None:
                self._complain(_span(event), "a second document begins here", "keep one fleet in one file")
                self.open_for_more = False
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._begin(event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._attach(self._stack.pop().closed())
            case yaml.AliasEvent():
                message = f"the alias {quoted(f'*{event.anchor}')} is not allowed"
                self._complain(_span(event), message, "write the value out again")
                self._attach(Broken(_span(event)))
            case yaml.ScalarEvent():
                self._scalar(event)
            case _:
                pass

    def _begin(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> None:
        span = _span(event)
        if len(self._stack) >= DEEPEST:
            self._complain(span, f"the document is nested deeper than {DEEPEST} levels", "a fleet needs about ten")
            self.open_for_more = self.complete = False
            return
        path = self._stack[-1].child_path() if self._stack else ()
        broken = self._refuse_marks(event)
        secret = bool(self._stack) and self._stack[-1].holds_secret()
        self._stack.append(_Open(span, path, isinstance(event, yaml.MappingStartEvent), broken, secret))

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        span = _span(event)
        if self._stack and self._stack[-1].holds_secret():
            self.secrets.append(_region(event))
        if self._refuse_marks(event):
            self._attach(Broken(span))
            return
        plain = event.implicit[0]
        value = resolve(event.value) if plain else event.value
        self._attach(Scalar(span, value, event.value))

    def _refuse_marks(self, event: yaml.NodeEvent) -> bool:
        """Complain about an anchor or a tag; whether there was one."""
        anchor, tag = event.anchor, getattr(event, "tag", None)
        if anchor is not None:
            message = f"the anchor {quoted('&' + anchor)} is not allowed"
            self._complain(replace(_span(event), length=len(anchor) + 1), message, "write the value where it is used")
        if tag is not None:
            written = tag.replace("tag:yaml.org,2002:", "!!")
            message = f"the tag {quoted(written)} is not allowed"
            self._complain(replace(_span(event), length=1), message, "leave the tag out; quote a value to make it text")
        return anchor is not None or tag is not None

    def _attach(self, node: Node) -> None:
        """Put a finished node where it belongs."""
        if not self._stack:
            self.root = node
            return
        parent = self._stack[-1]
        if not parent.mapping:
            parent.items.append(node)
        elif parent.key is None:
            self._key(parent, node)
        else:
            if not parent.dropping:
                parent.entries[parent.key.text] = Entry(parent.key.text, parent.key.span, node)
            parent.key, parent.dropping = None, False

    def _key(self, parent: _Open, node: Node) -> None:
        if not isinstance(node, Scalar):
            if not isinstance(node, Broken):
                self._complain(node.span, "a key must be text", "write `key: value`")
            parent.key, parent.dropping = Scalar(node.span, "", ""), True
            return
        parent.key = node
        if earlier := parent.entries.get(node.text):
            parent.dropping = True
            message = f"the key {quoted(node.text)} stands here twice"
            hint = f"the first is on line {earlier.span.line}; keep one of them"
            self._report(Problem(node.span, (*parent.path, node.text), message, hint))

    def _complain(self, span: Span, message: str, hint: str) -> None:
        path = self._stack[-1].child_path() if self._stack else ()
        self._report(Problem(span, path, message, hint))

    def _report(self, problem: Problem) -> None:
        """Keep it; they come in document order, so what is past the bound would not be shown."""
        if len(self.problems) <= MOST_SHOWN:
            self.problems.append(problem)


def _span(event: yaml.Event) -> Span:
    start, end = event.start_mark, event.end_mark
    if start is None or end is None:  # never with libyaml; the types of PyYAML allow for it
        return Span(1, 1)
    length = end.column - start.column if end.line == start.line else 1
    return Span(start.line + 1, start.column + 1, max(length, 1))


def _region(event: yaml.Event) -> Region:
    span, end = _span(event), event.end_mark
    if end is None or end.line + 1 == span.line:
        return Region(span.line, span.column, span.line, span.column + span.length)
    return Region(span.line, span.column, end.line + 1, end.column + 1)
