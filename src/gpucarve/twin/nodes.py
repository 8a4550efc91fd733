"""What can stand at a path of a simulated file system, and an index that finds it fast.

Boundary: values and lookup by canonical path (no links in it); following links and patterns is `views`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache


def raw(text: str) -> bytes:
    """The bytes behind a name or a text: Python shows what is no UTF-8 as surrogates."""
    return text.encode("utf-8", "surrogateescape")


def shown(content: bytes) -> str:
    """The text in which bytes of a name are shown."""
    return content.decode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class File:
    """A regular file or a sysfs attribute: bytes, permission bits, numeric owner."""

    content: bytes = b""
    mode: int = 0o644
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory; what is in it follows from the paths below it."""

    mode: int = 0o755
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link and the text it holds."""

    target: str
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True, slots=True)
class Special:
    """A character device."""

    mode: int = 0o600
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of a driver that refuses: the errno of a read(2) and of a write(2), 0 for one that works."""

    content: bytes = b""
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    read_error: int = 0
    write_error: int = 0


Node = File | Directory | Link | Special | Attribute


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """Nodes by canonical path, and the sorted names in each directory. The root is the empty path."""

    nodes: Mapping[str, Node]
    names: Mapping[str, tuple[str, ...]]


def layer(nodes: Mapping[str, Node]) -> Layer:
    """Index `nodes`; directories that are only implied by a path below them are added with mode 0755."""
    implied, names = _tree(tuple(nodes))
    return Layer({**implied, **nodes}, names)


@lru_cache(maxsize=32)
def _tree(paths: tuple[str, ...]) -> tuple[Mapping[str, Directory], Mapping[str, tuple[str, ...]]]:
    """All directories above the paths, and the names in each; most changes of a machine leave its paths as they are."""
    names: dict[str, set[str]] = {"": set()}
    for path in paths:
        below = path
        while below:
            parent, _, name = below.rpartition("/")
            siblings = names.setdefault(parent, set())
            if name in siblings:
                break
            siblings.add(name)
            below = parent
    return dict.fromkeys(names, Directory()), {path: tuple(sorted(found)) for path, found in names.items()}
