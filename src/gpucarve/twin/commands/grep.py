"""grep: the lines of files that an extended regular expression matches, below folders too.

Boundary: reads alone; the options -r, -H, -h, -E, -q and -s.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator

from gpucarve.calls.replies import Exited
from gpucarve.twin.commands.invocation import Invocation, Ran, ran
from gpucarve.twin.errors import KernelError
from gpucarve.twin.machine import Machine
from gpucarve.twin.nodes import Directory, File
from gpucarve.twin.sight import view
from gpucarve.twin.views import View

_KNOWN = set("rHhEqs")


def grep(machine: Machine, invocation: Invocation) -> Ran:
    """Exit 0 when a line matched, 1 when none did, 2 when a path could not be read (as GNU grep, also with matches)."""
    options = {letter for word in invocation.arguments if word.startswith("-") for letter in word[1:]}
    words = [word for word in invocation.arguments if not word.startswith("-")]
    if not words or options - _KNOWN:
        return ran(machine, 0.001, stderr="Usage: grep [OPTION]... PATTERNS [FILE]...\n", status=2)
    wanted, sight = re.compile(words[0].encode()), view(machine)
    named = "H" in options or ("h" not in options and ("r" in options or len(words) > 2))
    out, complaints = b"", ""
    for path in words[1:]:
        try:
            for name, file in _files(sight, path, deep="r" in options):
                lead = f"{name}:".encode() if named else b""
                out += b"".join(lead + line + b"\n" for line in file.content.splitlines() if wanted.search(line))
        except KernelError as error:
            complaints += f"grep: {path}: {error.text}\n"
    status = 2 if complaints else 0 if out else 1
    shown = b"" if "q" in options else out
    return Ran(machine, Exited(status, shown, b"" if "s" in options else complaints.encode()), 0.005)


def _files(sight: View, path: str, *, deep: bool) -> Iterator[tuple[str, File]]:
    """The files at and below a path; links below it are not followed."""
    place = sight.place(path)
    node = sight.node(place)
    if isinstance(node, File):
        yield path, node
    elif isinstance(node, Directory):
        if not deep:
            raise KernelError(errno.EISDIR, path)
        for name in sight.names(place):
            if isinstance(sight.node(f"{place}/{name}"), File | Directory):
                yield from _files(sight, f"{path}/{name}", deep=True)
    else:
        raise KernelError(errno.ENOENT, path)
