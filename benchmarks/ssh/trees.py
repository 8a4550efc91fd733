"""What stands below a host's root, to compare what the tools leave behind.

Boundary: reads; a digest of nothing is nobody's success.
"""

from __future__ import annotations

import stat
from pathlib import Path

from benchmarks.ssh.steps import BARE, ROOT, STEPS, Directory, Kernel, Line, SymbolicLink, TextFile

Tree = dict[str, tuple[str, int, bytes]]


def found(root: Path) -> Tree:
    """Every path below it: kind, permission bits, content or link text. Of a link the bits mean nothing."""
    return {str(path.relative_to(root)): _entry(path) for path in sorted(root.rglob("*"))}


def _entry(path: Path) -> tuple[str, int, bytes]:
    if path.is_symlink():
        return "link", 0, str(path.readlink()).encode()
    mode = stat.S_IMODE(path.stat().st_mode)
    return ("directory", mode, b"") if path.is_dir() else ("file", mode, path.read_bytes())


def wanted() -> Tree:
    """What the steps make of a bare host."""
    tree: Tree = {name: ("file", 0o644, content.encode()) for name, content in BARE.items()}
    for step in STEPS:
        match step:
            case Kernel():
                pass
            case Directory(path):
                tree[_below(path)] = ("directory", 0o755, b"")
            case TextFile(path, content):
                tree[_below(path)] = ("file", 0o644, content.encode())
            case Line(path, start, rest):
                _, mode, before = tree[_below(path)]
                lines = before.decode().splitlines(keepends=True)
                new = "".join(f"{start}{rest}\n" if line.startswith(start) else line for line in lines)
                tree[_below(path)] = ("file", mode, new.encode())
            case SymbolicLink(path, target):
                tree[_below(path)] = ("link", 0, target.encode())
    parents = {str(parent) for name in tree for parent in Path(name).parents} - {"."}
    return dict(sorted(dict.fromkeys(parents, ("directory", 493, b"")).items() | tree.items()))


def _below(path: str) -> str:
    return path.removeprefix(f"{ROOT}/")
