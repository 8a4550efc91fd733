"""The system's words for what went wrong, as kinds of failure.

Boundary: text to kind. Texts are glibc's, musl's and busybox' own, in the C locale.
"""

from __future__ import annotations

from gpucarve.calls.replies import Failure, FailureKind

DETAIL = 500

_TEXTS: dict[str, FailureKind] = {
    "no such file or directory": FailureKind.ABSENT,
    "no such device": FailureKind.ABSENT,
    "no such device or address": FailureKind.ABSENT,
    "no such process": FailureKind.ABSENT,
    "not a directory": FailureKind.ABSENT,
    "directory nonexistent": FailureKind.ABSENT,
    "nonexistent directory": FailureKind.ABSENT,
    "file exists": FailureKind.EXISTS,
    "directory not empty": FailureKind.EXISTS,
    "device or resource busy": FailureKind.BUSY,
    "resource busy": FailureKind.BUSY,
    "text file busy": FailureKind.BUSY,
    "resource temporarily unavailable": FailureKind.BUSY,
    "no space left on device": FailureKind.EXHAUSTED,
    "disk quota exceeded": FailureKind.EXHAUSTED,
    "quota exceeded": FailureKind.EXHAUSTED,
    "permission denied": FailureKind.REFUSED,
    "operation not permitted": FailureKind.REFUSED,
    "read-only file system": FailureKind.REFUSED,
    "invalid argument": FailureKind.INVALID,
    "numerical result out of range": FailureKind.INVALID,
    "result not representable": FailureKind.INVALID,
    "is a directory": FailureKind.NOT_REGULAR,
}


def kind_of(text: str) -> FailureKind:
    """The kind of a tool's message, by the error text that one of its lines ends with."""
    for line in text.splitlines():
        kind = _TEXTS.get(line.rpartition(": ")[2].strip().lower())
        if kind is not None:
            return kind
    return FailureKind.OTHER


def failure(text: bytes | str, kind: FailureKind | None = None) -> Failure:
    """A failure with this message, of the kind that the message tells unless given."""
    shown = (text.decode("utf-8", "replace") if isinstance(text, bytes) else text).strip()
    return Failure(kind or kind_of(shown), shown[:DETAIL])
