"""The lines that a world's process and its clients exchange: one JSON object each, no longer than `LONGEST` bytes.

A request is `{"id": 3, "ask": VERB, "target": "site/name", "body": …}`, its answer `{"id": 3, "reply": …}` or
`{"id": 3, "error": TEXT}`. Bodies and replies of calls are in the form of `gpucarve.calls.wire`; those of the admin
verbs are plain JSON.

Boundary: text and values; sockets are `server` and `client`.
"""

from __future__ import annotations

import json
from typing import Any

from gpucarve.calls import wire

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
    """The value again."""
    return wire.decode(data)
