"""A cluster's object store: get, list and server-side apply with ownership of fields.

`Store` is the protocol that reconcilers work on; `MemoryStore` is ours. Ownership after the Kubernetes documentation of
server-side apply: a manager owns exactly the fields it applied last; one it leaves out goes when nobody else owns it;
another value of a field that another manager owns is a conflict; maps merge, scalars and lists are atomic;
`resourceVersion` moves only when something changed.

Boundary: objects as plain JSON data; no schema, no admission, no watch.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from gpucarve.calls.objects import ObjectRef
from gpucarve.twin.fields import Path, fields_v1, leaves, lookup, parse_fields_v1, remove, set_value

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Conflict:
    """Who owns which field with another value."""

    manager: str
    field: Path

    def __str__(self) -> str:
        return f'conflict with "{self.manager}": .{".".join(self.field)}'


class ConflictError(Exception):
    """An apply that would take fields from other managers; nothing was changed."""

    def __init__(self, conflicts: Sequence[Conflict]) -> None:
        super().__init__("; ".join(str(conflict) for conflict in conflicts))
        self.conflicts = tuple(conflicts)


def reference(data: JsonObject) -> ObjectRef:
    """Which object this is."""
    metadata = data["metadata"]
    return ObjectRef(data["apiVersion"], data["kind"], metadata["name"], metadata.get("namespace", ""))


class Store(Protocol):
    """What a reconciler and a transport need of a cluster's API."""

    def get(self, ref: ObjectRef) -> JsonObject | None:
        """A copy of the object, or None."""
        ...

    def list(self, api_version: str, kind: str) -> Sequence[JsonObject]:
        """Copies of all objects of a kind, in order of namespace and name."""
        ...

    def apply(
        self, ref: ObjectRef, manager: str, data: JsonObject, *, subresource: str = "", force: bool = False
    ) -> JsonObject:
        """Server-side apply; a copy of the object as it is then. Raises ConflictError."""
        ...


class MemoryStore:
    """Implements `Store` in memory, from objects as an API shows them."""

    def __init__(self, objects: Iterable[JsonObject] = ()) -> None:
        self._objects = {reference(data): copy.deepcopy(data) for data in objects}
        versions = (int(data["metadata"].get("resourceVersion", 0)) for data in self._objects.values())
        self._version = max(versions, default=0)

    def objects(self) -> tuple[JsonObject, ...]:
        """Copies of everything there is."""
        return tuple(copy.deepcopy(data) for data in self._objects.values())

    def get(self, ref: ObjectRef) -> JsonObject | None:
        """A copy of the object, or None."""
        return copy.deepcopy(self._objects.get(ref))

    def list(self, api_version: str, kind: str) -> Sequence[JsonObject]:
        """Copies of all objects of a kind."""
        found = [ref for ref in self._objects if (ref.api_version, ref.kind) == (api_version, kind)]
        return [copy.deepcopy(self._objects[ref]) for ref in sorted(found, key=lambda ref: (ref.namespace, ref.name))]

    def apply(
        self, ref: ObjectRef, manager: str, data: JsonObject, *, subresource: str = "", force: bool = False
    ) -> JsonObject:
        """Server-side apply: on the object, or on its `status` alone when that is the subresource."""
        now = copy.deepcopy(self._objects.get(ref)) or _new(ref)
        owners = _Owners(now["metadata"].pop("managedFields", []))
        wanted = {
            path: value for path, value in leaves(data).items() if _part_of(path, subresource) and path not in _IDENTITY
        }
        previous = owners.of(manager, subresource)
        conflicts = owners.conflicts(manager, subresource, now, wanted)
        if conflicts and not force:
            raise ConflictError(conflicts)
        for conflict in conflicts:
            owners.disown(conflict.manager, conflict.field)
        for path in previous - wanted.keys():
            if not owners.has_other(manager, subresource, path):
                remove(now, path)
        for path, value in wanted.items():
            set_value(now, path, copy.deepcopy(value))
        owners.put(manager, subresource, ref.api_version, frozenset(wanted))
        now["metadata"]["managedFields"] = owners.entries()
        return self._keep(ref, now)

    def _keep(self, ref: ObjectRef, changed: JsonObject) -> JsonObject:
        known = self._objects.get(ref)
        if known != changed:
            self._version += 1
            changed["metadata"]["resourceVersion"] = str(self._version)
            self._objects[ref] = changed
        return copy.deepcopy(self._objects[ref])


_IDENTITY = frozenset({("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace")})


def _part_of(path: Path, subresource: str) -> bool:
    """The main object takes everything but status; a subresource takes only its own."""
    return path[0] == subresource if subresource else path[0] != "status"


def _new(ref: ObjectRef) -> JsonObject:
    metadata = {"name": ref.name, **({"namespace": ref.namespace} if ref.namespace else {})}
    return {"apiVersion": ref.api_version, "kind": ref.kind, "metadata": metadata}


class _Owners:
    """Who owns which fields of one object, read from and written to `managedFields`."""

    def __init__(self, entries: Sequence[JsonObject]) -> None:
        self._entries = {(entry["manager"], entry.get("subresource", "")): entry for entry in entries}
        self._fields = {key: parse_fields_v1(entry["fieldsV1"]) for key, entry in self._entries.items()}

    def of(self, manager: str, subresource: str) -> frozenset[Path]:
        return self._fields.get((manager, subresource), frozenset())

    def has_other(self, manager: str, subresource: str, path: Path) -> bool:
        return any(path in fields for key, fields in self._fields.items() if key != (manager, subresource))

    def conflicts(self, manager: str, subresource: str, now: JsonObject, wanted: dict[Path, Any]) -> list[Conflict]:
        return [
            Conflict(other, path)
            for (other, other_part), fields in self._fields.items()
            if (other, other_part) != (manager, subresource)
            for path in sorted(fields)
            if path in wanted and lookup(now, path) != wanted[path]
        ]

    def disown(self, manager: str, path: Path) -> None:
        for key, fields in self._fields.items():
            if key[0] == manager:
                self._fields[key] = fields - {path}

    def put(self, manager: str, subresource: str, api_version: str, fields: frozenset[Path]) -> None:
        entry = {"manager": manager, "operation": "Apply", "apiVersion": api_version, "fieldsType": "FieldsV1"}
        if subresource:
            entry["subresource"] = subresource
        self._entries[manager, subresource] = entry
        self._fields[manager, subresource] = fields

    def entries(self) -> list[JsonObject]:
        return [{**self._entries[key], "fieldsV1": fields_v1(fields)} for key, fields in self._fields.items() if fields]
