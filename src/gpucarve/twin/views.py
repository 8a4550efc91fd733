"""One machine's file system as a process sees it: paths walked through links, patterns expanded, files read.

Boundary: reading only, over layers (stored files, and what `sysfs` and `procfs` derive). Changing stored files is
`filesystem`, writing an attribute is `attributes`.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator, Mapping
from fnmatch import translate
from functools import lru_cache

from gpucarve.twin.errors import KernelError, not_regular
from gpucarve.twin.nodes import Directory, File, Layer, Link, Node

_MAGIC = re.compile(r"[*?\[]")
_MOST_LINKS = 40  # as Linux: more in one walk is ELOOP


class View:
    """Layers joined at the root: a layer serves the top directories it is named for, `""` all others."""

    __slots__ = ("_layers", "_places")

    def __init__(self, layers: Mapping[str, Layer]) -> None:
        self._layers = layers
        self._places: dict[str, str] = {}

    def _layer(self, path: str) -> Layer:
        top = path.split("/", 2)[1] if path else ""
        return self._layers.get(top) or self._layers[""]

    def node(self, place: str) -> Node | None:
        """What stands at a canonical path, links not followed."""
        return self._layer(place).nodes.get(place)

    def names(self, place: str) -> tuple[str, ...]:
        """The names in a directory given by its canonical path, sorted."""
        if place:
            return self._layer(place).names.get(place, ())
        tops = {name for layer in self._layers.values() for name in layer.names.get("", ())}
        return tuple(sorted(tops))

    def place(self, path: str, *, follow: bool = True) -> str:
        """The canonical path of what `path` names; with `follow` a link at its end is followed too.

        Raises KernelError (ENOENT, ENOTDIR, ELOOP); the last component itself need not exist unless followed to.
        """
        parent, _, name = path.rstrip("/").rpartition("/")
        if not name:
            return ""
        place = f"{self._directory(parent)}/{name}"
        hops = 0
        while follow and isinstance(node := self.node(place), Link):
            hops += 1
            if hops > _MOST_LINKS:
                raise KernelError(errno.ELOOP, path)
            place = self._target(place, node, hops)
        return place

    def _directory(self, path: str, hops: int = 0) -> str:
        """The canonical path of a directory, links followed; remembered, for patterns walk the same ones again."""
        known = self._places.get(path)
        if known is not None:
            return known
        place = ""
        for name in path.split("/"):
            if name in ("", "."):
                continue
            if name == "..":
                place = place.rpartition("/")[0]
                continue
            place = f"{place}/{name}"
            while isinstance(node := self.node(place), Link):
                hops += 1
                if hops > _MOST_LINKS:
                    raise KernelError(errno.ELOOP, path)
                place = self._target(place, node, hops)
            if node is None:
                raise KernelError(errno.ENOENT, path)
            if not isinstance(node, Directory):
                raise KernelError(errno.ENOTDIR, path)
        self._places[path] = place
        return place

    def _target(self, place: str, link: Link, hops: int) -> str:
        """Where a link points: canonical but for a link at its own end."""
        base = "" if link.target.startswith("/") else place.rpartition("/")[0]
        whole = f"{base}/{link.target}".rstrip("/")
        parent, _, name = whole.rpartition("/")
        if name in ("", ".", ".."):
            return self._directory(whole, hops)
        return f"{self._directory(parent, hops)}/{name}"

    def expand(self, pattern: str) -> Iterator[tuple[str, str]]:
        """Every match of a shell pattern: the path as spelled, and its canonical place with the end not followed."""
        parts = [part for part in pattern.split("/") if part]
        if not parts:
            yield "/", ""
            return
        yield from self._expand("", "", parts)

    def _expand(self, spelled: str, place: str, parts: list[str]) -> Iterator[tuple[str, str]]:
        head, *rest = parts
        for name in self._matching(place, head):
            inner, below = f"{spelled}/{name}", f"{place}/{name}"
            if not rest:
                yield inner, below
                continue
            try:
                below = self._directory(below)
            except KernelError:
                continue
            yield from self._expand(inner, below, rest)

    def _matching(self, place: str, part: str) -> Iterator[str]:
        if not _MAGIC.search(part):
            if part in (".", "..") or self.node(f"{place}/{part}") is not None:
                yield part
            return
        matches = _matcher(part)
        hidden = part.startswith(".")
        for name in self.names(place):
            if (hidden or not name.startswith(".")) and matches.match(name):
                yield name

    def file(self, path: str) -> File:
        """The regular file a path names, links followed. Raises KernelError; EISDIR for other things."""
        node = self.node(self.place(path))
        if isinstance(node, File):
            return node
        if node is None:
            raise KernelError(errno.ENOENT, path)
        raise not_regular(path)

    def exists(self, path: str) -> bool:
        """Whether something stands there, links followed."""
        try:
            return self.node(self.place(path)) is not None
        except KernelError:
            return False


@lru_cache(maxsize=512)
def _matcher(part: str) -> re.Pattern[str]:
    return re.compile(translate(part), re.DOTALL)
