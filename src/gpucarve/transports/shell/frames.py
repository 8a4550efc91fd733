"""The format of a reply: frames, each a header line and payloads of announced lengths.

::

    NONCE LABEL WORD... : LENGTH LENGTH...\\n
    payload payload …

A length that ends in `+` is of a payload cut at its limit. The nonce is new for each program, so that nothing a host
prints before the reply (a login banner) or puts into a payload is taken for a header. The last frame is labelled `end`
and holds what the program's own shell complained of.

Boundary: bytes to frames; what they mean is `programs`' to say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_LENGTH = re.compile(r"(\d{1,12})(\+?)")
_HEADER_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Part:
    """One payload; `cut` when the host had more."""

    content: bytes
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """A label, its words and the payloads."""

    label: str
    words: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()

    def text(self) -> str:
        """The payloads as one text."""
        return b"".join(part.content for part in self.parts).decode("utf-8", "replace").strip()


@dataclass(frozen=True, slots=True)
class Frames:
    """The whole frames of a reply, in order; `ended` when the last one says so. `stray` is what no frame covers."""

    frames: tuple[Frame, ...] = ()
    ended: bool = False
    complaint: str = ""
    stray: bytes = field(default=b"", repr=False)

    def labelled(self, label: str) -> tuple[Frame, ...]:
        """Those with a label."""
        return tuple(frame for frame in self.frames if frame.label == label)


def read(nonce: str, reply: bytes) -> Frames:
    """Take a reply apart. A frame that is cut off, or is no frame, ends it."""
    mark = f"{nonce} ".encode()
    start = 0 if reply.startswith(mark) else reply.find(b"\n" + mark) + 1
    if not reply.startswith(mark, start):
        return Frames(stray=reply)
    frames: list[Frame] = []
    position = start
    while (next_ := _frame(mark, reply, position)) is not None:
        frame, position = next_
        if frame.label == "end":
            return Frames(tuple(frames), True, frame.text(), reply[:start] + reply[position:])
        frames.append(frame)
    return Frames(tuple(frames), stray=reply[:start] + reply[position:])


def _frame(mark: bytes, reply: bytes, position: int) -> tuple[Frame, int] | None:
    line_end = reply.find(b"\n", position, position + _HEADER_BYTES)
    if not reply.startswith(mark, position) or line_end < 0:
        return None
    head, colon, lengths = reply[position + len(mark) : line_end].decode("ascii", "replace").partition(" :")
    label, *words = head.split(" ")
    if not colon:
        return None
    parts: list[Part] = []
    position = line_end + 1
    for length in lengths.split():
        match = _LENGTH.fullmatch(length)
        if match is None or position + int(match[1]) > len(reply):
            return None
        parts.append(Part(reply[position : position + int(match[1])], cut=bool(match[2])))
        position += int(match[1])
    return Frame(label, tuple(words), tuple(parts)), position
