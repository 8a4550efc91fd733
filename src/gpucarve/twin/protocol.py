"""The lines that a world's process and its clients exchange: one JSON object each, no longer than `LONGEST` bytes.

A request is `{"id": 3, "ask": VERB, "target": "site/name", "body": …}`, its answer `{"id": 3, "reply": …}` or
`{"id": 3, "error": TEXT}`. Bodies and replies of calls are in the form of `gpucarve.calls.wire`; those of the admin
verbs are plain JSON.

Boundary: text and values; sockets are `server` and `client`.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from gpucarve.calls import wire
from gpucarve.calls.objects import ApplyObject
from gpucarve.calls.replies import Object

LONGEST = 64 * 1024 * 1024


def line(message: dict[str, Any]) -> bytes:
    """One message as a line. Raises ValueError when it is longer than a line may be."""
    text = json.dumps(message, separators=(",", ":")).encode() + b"\n"
    if len(text) > LONGEST:
        raise ValueError(f"a message of {len(text)} bytes is longer than {LONGEST}")
    return text


def parse(text: bytes) -> dict[str, Any]:
    """The message in a line. Raises ValueError."""
    message = json.loads(text)
    if not isinstance(message, dict):
        raise ValueError("a message is a JSON object")
    return message


def encode(value: Any) -> Any:
    """A call, program or reply for the wire; secrets are revealed, for the socket is private."""
    return wire.encode(value, reveal=True)


def decode(data: Any) -> Any:
    """The value again; objects of a cluster are plain JSON data, with lists."""
    value = wire.decode(data)
    if isinstance(value, Object | ApplyObject):
        return replace(value, data=_listed(value.data))
    return value


def _listed(data: Any) -> Any:
    match data:
        case dict():
            return {key: _listed(item) for key, item in data.items()}
        case tuple() | list():
            return [_listed(item) for item in data]
        case _:
            return data
