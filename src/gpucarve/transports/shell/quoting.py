"""Data as words of a shell program: a literal, a pattern, the bytes of a file.

Boundary: text to text. A path or argument that is not UTF-8 is held with surrogate escapes, and travels as its bytes.
"""

from __future__ import annotations

import re

_PLAIN_WORD = re.compile(r"[A-Za-z0-9_./:@%+,-]+")
_CHUNK = 4096
_PRINTF = {
    byte: chr(byte) if 0x20 <= byte < 0x7F and byte not in b"%\\'" else f"\\{byte:03o}" for byte in range(256)
} | {0x25: "%%", 0x5C: "\\\\", 0x0A: "\\n"}


def word(text: str) -> str:
    """One word that stands for exactly this text."""
    if _PLAIN_WORD.fullmatch(text):
        return text
    return _quoted(text)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def words(texts: tuple[str, ...]) -> str:
    """Words side by side."""
    return " ".join(word(text) for text in texts)


def pattern(text: str) -> str:
    """A word that a shell expands as a pattern: `*`, `?` and `[...]` mean something, all else stands for itself."""
    out: list[str] = []
    literal: list[str] = []
    position = 0
    while position < len(text):
        active, position = _active(text, position)
        if active is None:
            literal.append(text[position - 1])
            continue
        if literal:
            out.append(word("".join(literal)))
            literal = []
        out.append(active)
    if literal:
        out.append(word("".join(literal)))
    return "".join(out)


def _active(text: str, position: int) -> tuple[str | None, int]:
    """The pattern element that begins here as a shell spells it, or None for a literal; and where the next begins."""
    if text[position] in "*?":
        return text[position], position + 1
    if text[position] == "[":
        negated = text[position + 1 : position + 2] in ("!", "^")
        first = position + 1 + negated
        end = text.find("]", first + 1)
        if end > 0 and "/" not in text[first:end]:
            inside = "".join(c if c == "-" or (c.isascii() and c.isalnum()) else _quoted(c) for c in text[first:end])
            return f"[{'!' if negated else ''}{inside}]", end + 1
    return None, position + 1


def printf(content: bytes) -> str:
    """A `{ …; }` that prints these bytes by the shell's own printf; false where not all could be written."""
    chunks = [content[start : start + _CHUNK] for start in range(0, len(content), _CHUNK)]
    commands = " && ".join(f"printf '{_format(chunk)}'" for chunk in chunks)
    return f"{{ {commands or 'true'}; }}"


def _format(chunk: bytes) -> str:
    text = "".join(map(_PRINTF.__getitem__, chunk))
    return "\\055" + text[1:] if text.startswith("-") else text
