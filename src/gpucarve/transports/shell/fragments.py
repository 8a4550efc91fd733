"""The shell functions in `fragments/*.sh`, and which of them a program needs.

A function begins at the start of a line with `name() {` and ends at the next line that is `}`. Comments and indentation
stay behind: the files are for people, the program is short.

Boundary: reads this package's own data once.
"""

from __future__ import annotations

import pkgutil
import re
from functools import cache

from gpucarve.errors import BugError

_FUNCTION = re.compile(r"^([a-z_0-9]+)\(\) \{\n(.*?)^\}\n", re.MULTILINE | re.DOTALL)
_NAME = re.compile(r"[a-z_0-9]+")
_SOURCES = ("base.sh", "reads.sh", "guards.sh", "writes.sh", "files.sh", "claims.sh", "program.sh")
# Commands of the host that fragments use, beside the shell's own; `flock` and `timeout` are not in POSIX.
_COMMANDS = frozenset(
    {"cat", "chmod", "chown", "cp", "dd", "flock", "grep", "head", "ln", "mkdir", "mv", "readlink", "rm", "rmdir"}
    | {"sha256sum", "sleep", "stat", "sync", "timeout", "tr", "wc"}
)


@cache
def _functions() -> dict[str, str]:
    """Every function by name, as it is sent."""
    found: dict[str, str] = {}
    for source in _SOURCES:
        content = pkgutil.get_data(__package__, f"fragments/{source}")
        if content is None:
            raise BugError(f"this installation of gpucarve lacks {source}")
        for name, body in _FUNCTION.findall(content.decode("ascii")):
            lines = (line.strip() for line in body.splitlines())
            kept = "\n".join(line for line in lines if line and not line.startswith("#"))
            found[name] = f"{name}() {{\n{kept}\n}}\n"
    return found


def link(body: str) -> tuple[str, tuple[str, ...]]:
    """The functions that `body` uses, directly or not, and the host's commands that they use.

    A name that stands in data only brings its function along for nothing.
    """
    functions = _functions()
    needed: set[str] = set()
    todo = {name for name in functions if name in body}
    while todo:
        needed |= todo
        todo = {name for one in todo for name in _NAME.findall(functions[one])} & functions.keys() - needed
    commands = {name for one in needed for name in _NAME.findall(functions[one])} & _COMMANDS
    return "".join(text for name, text in functions.items() if name in needed), tuple(sorted(commands))
