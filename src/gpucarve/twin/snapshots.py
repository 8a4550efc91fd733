"""Machines as JSON and back: what a world file holds and what a test compares.

Boundary: a codec by declared fields, for the dataclasses of `machine` and `nodes`; bytes are text where they are ASCII.
"""

from __future__ import annotations

import base64
import dataclasses
import types
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from gpucarve.twin.machine import Machine
from gpucarve.twin.nodes import Attribute, Directory, File, Link, Special

T = TypeVar("T")

_NODES: dict[str, type] = {
    "file": File,
    "directory": Directory,
    "link": Link,
    "special": Special,
    "attribute": Attribute,
}
_NODE_NAMES = {cls: name for name, cls in _NODES.items()}


def machine_to_json(machine: Machine) -> dict[str, Any]:
    """Plain JSON data; equal machines give equal data."""
    data: dict[str, Any] = to_json(machine)
    return data


def machine_from_json(data: Any) -> Machine:
    """The machine again. Raises ValueError naming the field that does not fit."""
    return from_json(Machine, data)


def to_json(value: Any) -> Any:
    """Plain data for a dataclass of this room, and what it is made of."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case bytes():
            return value.decode() if value.isascii() else {"b64": base64.b64encode(value).decode()}
        case Mapping():
            return {key: to_json(item) for key, item in value.items()}
        case tuple() | list():
            return [to_json(item) for item in value]
        case _:
            return _fields_to_json(value)


def _fields_to_json(value: Any) -> dict[str, Any]:
    fields = {field.name: to_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    name = _NODE_NAMES.get(type(value))
    return {"kind": name, **fields} if name else fields


def from_json(cls: type[T], data: Any, where: str = "") -> T:
    """A dataclass from plain data by its declared fields; missing ones get their defaults."""
    if not isinstance(data, dict):
        raise ValueError(f"{where or cls.__name__}: an object is expected")
    hints = _hints(cast("Any", cls))
    unknown = data.keys() - hints.keys()
    if unknown:
        raise ValueError(f"{where or cls.__name__}: unknown field {min(unknown)!r}")
    values = {name: _value(hints[name], item, f"{where}.{name}".lstrip(".")) for name, item in data.items()}
    try:
        return cls(**values)
    except TypeError as error:
        raise ValueError(f"{where or cls.__name__}: {error}") from error


@cache
def _hints(cls: Any) -> dict[str, Any]:
    return get_type_hints(cls)


def _value(hint: Any, data: Any, where: str) -> Any:
    if hint is Any:
        return data
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _union(arguments, data, where)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return from_json(hint, data, where)
    if origin is tuple:
        if not isinstance(data, list):
            raise ValueError(f"{where}: a list is expected")
        return tuple(_value(arguments[0], item, f"{where}[{number}]") for number, item in enumerate(data))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        if not isinstance(data, dict):
            raise ValueError(f"{where}: an object is expected")
        return {key: _value(arguments[1], item, f"{where}[{key!r}]") for key, item in data.items()}
    return _scalar(hint, data, where)


def _union(members: tuple[Any, ...], data: Any, where: str) -> Any:
    if data is None and type(None) in members:
        return None
    if isinstance(data, dict) and "kind" in data:
        fields = dict(data)
        cls = _NODES.get(str(fields.pop("kind")))
        if cls is None:
            raise ValueError(f"{where}: {data['kind']!r} is not a kind of node")
        return from_json(cls, fields, where)
    return _value(next(member for member in members if member is not type(None)), data, where)


def _scalar(hint: type, data: Any, where: str) -> Any:
    if hint is bytes:
        if isinstance(data, str):
            return data.encode()
        if isinstance(data, dict) and isinstance(data.get("b64"), str):
            return base64.b64decode(data["b64"], validate=True)
    elif hint is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    elif type(data) is hint:
        return data
    raise ValueError(f"{where}: {hint.__name__} is expected")
