"""The document as a tree that remembers where each part stands.

Boundary: values and the ways through them. Numbers, words and keys only; no meaning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]
Plain: TypeAlias = "str | int | bool | tuple[Plain, ...] | dict[str, Plain] | None"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Line and column from 1, and how many characters on that line; at least one."""

    line: int
    column: int
    length: int = 1


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value. `text` is how it was written, without quotes."""

    span: Span
    value: str | int | bool | None
    text: str


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    span: Span
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a mapping, with its value."""

    key: str
    span: Span
    value: Node


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping; keys are unique and keep their order."""

    span: Span
    entries: Mapping[str, Entry]

    def get(self, key: str) -> Node | None:
        """The value under `key`."""
        entry = self.entries.get(key)
        return entry.value if entry else None


@dataclass(frozen=True, slots=True)
class Broken:
    """A part that is already complained about; nothing more is said about it."""

    span: Span


Node: TypeAlias = Scalar | Sequence | Table | Broken


def plain(node: Node) -> Plain:
    """The tree as plain data; lists are tuples, a broken part is None."""
    match node:
        case Scalar(value=value):
            return value
        case Sequence(items=items):
            return tuple(plain(item) for item in items)
        case Table(entries=entries):
            return {key: plain(entry.value) for key, entry in entries.items()}
        case Broken():
            return None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a path leads: the node, and the key it stands under if it stands under one."""

    node: Node
    key: Span | None

    @property
    def head(self) -> Span:
        """The best place to complain about something that is not there: the key, else the start of the node."""
        return self.key or self.node.span


def find(root: Node, path: Path) -> Place:
    """Follow `path` as far as the document goes."""
    place = Place(root, None)
    for step in path:
        match place.node, step:
            case Table(entries=entries), str() if step in entries:
                place = Place(entries[step].value, entries[step].span)
            case Sequence(items=items), int() if step < len(items):
                place = Place(items[step], None)
            case _:
                break
    return place


def spelled(path: Path) -> str:
    """A path as people write it: `sites[0].pools[1].cut`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def items(node: Node | None, path: Path) -> Iterator[tuple[Node, Path]]:
    """The items of a list with their paths; nothing for anything else."""
    if isinstance(node, Sequence):
        for index, item in enumerate(node.items):
            yield item, (*path, index)


def entries(node: Node | None, path: Path) -> Iterator[tuple[Entry, Path]]:
    """The entries of a mapping with their paths; nothing for anything else."""
    if isinstance(node, Table):
        for entry in node.entries.values():
            yield entry, (*path, entry.key)


def member(node: Node | None, path: Path, key: str) -> tuple[Node | None, Path]:
    """The value under `key` with its path; None for anything that is no mapping or lacks it."""
    return (node.get(key) if isinstance(node, Table) else None), (*path, key)


def text(node: Node | None) -> str | None:
    """A text value; None for anything else."""
    return node.value if isinstance(node, Scalar) and isinstance(node.value, str) else None
