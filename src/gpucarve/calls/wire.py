"""Calls, programs and replies as JSON and back, for the twin's process and for recordings.

Every value becomes `{"is": class name, field: ...}`, a tuple a plain array, lists and maps of an object's data
`{"list": ...}` and `{"map": ...}`; bytes become `{"b64": ...}`, or `{"text": ...}` where they are ASCII.
Decoding is by the declared classes alone and bounded by what JSON can nest; an unknown name is a ValueError.

Boundary: a codec. A `Secret` is encoded only when the caller says so (the twin's private socket), never in a recording.
"""

from __future__ import annotations

import base64
import dataclasses
from enum import Enum
from typing import Any

from gpucarve.calls import objects, predicates, primitives, programs, replies
from gpucarve.calls.secret import Secret


def _vocabulary() -> dict[str, type]:
    """Every dataclass and enum of the calls room by name."""
    modules = (primitives, objects, predicates, programs, replies)
    found: dict[str, type] = {}
    for module in modules:
        for name, value in vars(module).items():
            own = isinstance(value, type) and value.__module__ == module.__name__
            if own and (dataclasses.is_dataclass(value) or issubclass(value, Enum)):
                found[name] = value
    return found


_CLASSES = _vocabulary()


def encode(value: Any, *, reveal: bool = False) -> Any:
    """The JSON form. Raises TypeError on what is not of this room, and on a Secret unless `reveal`."""
    match value:
        case Enum():
            return {"is": type(value).__name__, "value": value.value}
        case None | bool() | int() | float() | str():
            return value
        case bytes():
            return {"text": value.decode()} if value.isascii() else {"b64": base64.b64encode(value).decode()}
        case Secret():
            if not reveal:
                raise TypeError("a secret is not recorded")
            return {"secret": base64.b64encode(value.reveal()).decode()}
        case tuple():
            return [encode(item, reveal=reveal) for item in value]
        case list():
            return {"list": [encode(item, reveal=reveal) for item in value]}
        case dict():
            return {"map": {str(key): encode(item, reveal=reveal) for key, item in value.items()}}
        case _ if type(value).__name__ in _CLASSES:
            fields = {f.name: encode(getattr(value, f.name), reveal=reveal) for f in dataclasses.fields(value)}
            return {"is": type(value).__name__, **fields}
        case _:
            raise TypeError(f"{type(value).__name__} has no wire form")


def decode(data: Any) -> Any:
    """The value again. Raises ValueError on an unknown name or field."""
    match data:
        case {"is": str(name), **fields}:
            cls = _CLASSES.get(name)
            if cls is None:
                raise ValueError(f"{name!r} is not part of the wire format")
            if issubclass(cls, Enum):
                return cls(fields["value"])
            try:
                return cls(**{str(key): decode(item) for key, item in fields.items()})
            except TypeError as error:
                raise ValueError(f"{name}: {error}") from error
        case {"text": str(text)}:
            return text.encode()
        case {"b64": str(text)}:
            return base64.b64decode(text, validate=True)
        case {"secret": str(text)}:
            return Secret(base64.b64decode(text, validate=True))
        case {"list": list(items)}:
            return [decode(item) for item in items]
        case {"map": dict(items)}:
            return {key: decode(item) for key, item in items.items()}
        case list():
            return tuple(decode(item) for item in data)
        case None | bool() | int() | float() | str():
            return data
        case _:
            raise ValueError(f"{type(data).__name__} is not part of the wire format")
