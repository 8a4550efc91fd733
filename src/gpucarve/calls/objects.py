"""The calls on a cluster's API: get, list and server-side apply.

Boundary: values; objects are plain JSON data. Server-side apply carries ownership of fields, so there is no guard and
no host lock: a manager owns what it applied, a conflict is a `Failure` of kind CONFLICT.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gpucarve.calls.primitives import Read, Write
from gpucarve.calls.replies import Object


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """Which object: `v1`, `Node`, name, and namespace where the kind has one."""

    api_version: str
    kind: str
    name: str
    namespace: str = ""

    def __str__(self) -> str:
        scope = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {scope}{self.name}"


@dataclass(frozen=True, slots=True)
class GetObject(Read[Object]):
    """One object as the server has it; ABSENT when it has none."""

    ref: ObjectRef
    deadline: float = 30.0


@dataclass(frozen=True, slots=True)
class ApplyObject(Write[Object]):
    """Server-side apply of the fields in `data` (without apiVersion, kind and name, which `ref` gives).

    `manager` comes to own exactly these fields: one it applied before and leaves out now is removed if nobody else
    owns it. A field of another manager with another value is a CONFLICT.
    """

    ref: ObjectRef
    manager: str
    data: dict[str, Any] = field(default_factory=dict)
    deadline: float = 30.0
