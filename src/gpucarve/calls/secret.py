"""Content that must not be shown: prints as `***` wherever it turns up.

Boundary: transports alone call `reveal`, to put the bytes on stdin or into a file of mode 0600.
"""

from __future__ import annotations

from typing import NoReturn


class Secret:
    """Bytes that equal only the same bytes, and appear in no repr, log, JSON or pickle."""

    __slots__ = ("_content",)

    def __init__(self, content: bytes) -> None:
        self._content = content

    def reveal(self) -> bytes:
        """The bytes themselves."""
        return self._content

    def __repr__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._content == self._content

    def __hash__(self) -> int:
        return hash(self._content)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not serialisable")


def plain(content: bytes | Secret) -> bytes:
    """The bytes of either kind, for a transport about to send them."""
    return content.reveal() if isinstance(content, Secret) else content
