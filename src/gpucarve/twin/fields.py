"""Fields of an object as paths, and the form in which `managedFields` writes a set of them (`fieldsV1`).

Boundary: maps are walked, everything else (scalars, lists, empty maps) is one field.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

Path = tuple[str, ...]


def leaves(data: dict[str, Any]) -> dict[Path, Any]:
    """Every field and its value."""
    return dict(_leaves(data, ()))


def _leaves(data: dict[str, Any], above: Path) -> Iterator[tuple[Path, Any]]:
    for name, value in data.items():
        path = (*above, name)
        if isinstance(value, dict) and value:
            yield from _leaves(value, path)
        else:
            yield path, value


def lookup(data: dict[str, Any], path: Path) -> Any:
    """The value at a path, or None."""
    here: Any = data
    for name in path:
        if not isinstance(here, dict) or name not in here:
            return None
        here = here[name]
    return here


def set_value(data: dict[str, Any], path: Path, value: Any) -> None:
    """Put a value at a path; an empty map leaves what the map holds already."""
    *above, last = path
    here = data
    for name in above:
        inner = here.get(name)
        if not isinstance(inner, dict):
            inner = here[name] = {}
        here = inner
    if value == {} and isinstance(here.get(last), dict):
        return
    here[last] = value


def remove(data: dict[str, Any], path: Path) -> None:
    """Take a field out, and the maps that are empty without it."""
    *above, last = path
    inner = data.get(path[0])
    if not above:
        data.pop(last, None)
    elif isinstance(inner, dict):
        remove(inner, path[1:])
        if not inner:
            del data[path[0]]


def fields_v1(fields: Iterable[Path]) -> dict[str, Any]:
    """Nested maps with `f:` before each name."""
    tree: dict[str, Any] = {}
    for path in sorted(fields):
        here = tree
        for name in path:
            here = here.setdefault(f"f:{name}", {})
    return tree


def parse_fields_v1(tree: dict[str, Any]) -> frozenset[Path]:
    """The set again."""
    return frozenset(
        path for path, _ in ((tuple(name[2:] for name in path), value) for path, value in _leaves(tree, ()))
    )
