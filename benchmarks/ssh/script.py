"""The steps as one sh script that looks and mends: what somebody would write by hand.

Boundary: text. Nothing is synced, locked, guarded or recorded: that is why it is the floor.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import PurePosixPath

from benchmarks.ssh.steps import Directory, Kernel, Line, Step, SymbolicLink, TextFile

_HEAD = "umask 022\nset -e\n"


def written(steps: Iterable[Step]) -> str:
    """The whole script; it says what it changed, a line each."""
    return _HEAD + "".join(_lines(step) for step in steps)


def _lines(step: Step) -> str:
    match step:
        case Kernel():
            return "uname -r\n"
        case Directory(path):
            return f"[ -d {path} ] || {{ mkdir -p {path}; echo changed {path}; }}\n"
        case TextFile(path, content):
            text = shlex.quote(content.removesuffix("\n"))
            return (
                f'if [ "$(cat {path} 2>/dev/null)" != {text} ]; then\n'
                f"printf '%s\\n' {text} >{path}.new; mv {path}.new {path}; echo changed {path}\nfi\n"
            )
        case Line(path, start, rest):
            line = shlex.quote(start + rest)
            return (
                f"if ! grep -qxF {line} {path}; then\n"
                f"{{ grep -v '^{start}' {path} || :; printf '%s\\n' {line}; }} >{path}.new; mv {path}.new {path};"
                f" echo changed {path}\nfi\n"
            )
        case SymbolicLink(path, target):
            parent = PurePosixPath(path).parent
            return (
                f'[ "$(readlink {path})" = {target} ] ||'
                f" {{ mkdir -p {parent}; ln -sfn {target} {path}; echo changed {path}; }}\n"
            )
