"""What the grammar says about a place of the document, for messages.

Boundary: a path to the part of the JSON Schema that rules it. Asked only when something is wrong there.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from gpucarve.spec.fleet import Spec
from gpucarve.spec.tree import Path


@cache
def _schema() -> dict[str, Any]:
    return Spec.model_json_schema(by_alias=True)


def rule(path: Path) -> dict[str, Any]:
    """The schema of the value at `path`; empty where the grammar knows no such place."""
    here = _schema()
    for step in path:
        body = _followed(here)
        here = body.get("items", {}) if isinstance(step, int) else body.get("properties", {}).get(step, {})
    return {**_followed(here), **{key: value for key, value in here.items() if key not in ("$ref", "anyOf")}}


def keys(path: Path) -> tuple[str, ...]:
    """The keys that the mapping at `path` may have."""
    return tuple(rule(path).get("properties", ()))


def example(path: Path) -> str:
    """The value at `path` as somebody could write it; empty where the grammar gives none."""
    examples = rule(path).get("examples", ())
    return flow(examples[0]) if examples else ""


def place(path: Path) -> str:
    """A path without indices: `sites.pools.cut`."""
    return ".".join(step for step in path if isinstance(step, str))


def flow(value: object) -> str:
    """A value as YAML on one line."""
    match value:
        case dict():
            return "{" + ", ".join(f"{key}: {flow(inner)}" for key, inner in value.items()) + "}"
        case list():
            return "[" + ", ".join(flow(inner) for inner in value) + "]"
        case str() if ":" in value:
            return f'"{value}"'
        case _:
            return str(value)


def _followed(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema itself instead of a reference to it, and what may stand there instead of what may be missing."""
    if "anyOf" in schema:
        schema = next((each for each in schema["anyOf"] if each.get("type") != "null"), schema)
    if "$ref" in schema:
        definition: dict[str, Any] = _schema()["$defs"][schema["$ref"].rsplit("/", 1)[-1]]
        return definition
    return schema
