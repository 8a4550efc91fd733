"""Where built parts of the bench are kept, each under the digest of what went into it.

An entry is a folder that appears whole or not at all. Its name holds a digest of the files and facts it was built
from, so a changed input is another entry and nothing is ever rebuilt in place. Versions of the guest's packages are not
part of a key (they are only known with a package index, and a hit must need none); each image records them in its
manifest, and `--fresh` builds it anew.
"""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

HERE = Path(__file__).parent


def cache_root() -> Path:
    """The folder of all entries; nothing is made by asking."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "gpucarve" / "kernel-bench"


def key(name: str, *, sources: Iterable[str], facts: Iterable[str] = ()) -> str:
    """Name of the entry of kind `name` built from these files or folders (relative to this one) and facts."""
    digest = hashlib.sha256()
    for source in sorted(sources):
        path = HERE / source
        files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
        if not files:
            raise FileNotFoundError(f"{path}: the bench's own source is missing")
        for file in files:
            content = file.read_bytes()
            executable = bool(file.stat().st_mode & 0o100)
            digest.update(f"{file.relative_to(HERE)}\0{executable}\0{len(content)}\0".encode() + content)
    for fact in facts:
        digest.update(f"{fact}\0".encode())
    return f"{name}-{digest.hexdigest()[:16]}"


def entry(name: str) -> Path | None:
    """The folder of the entry of this name, if it is there."""
    path = cache_root() / name
    return path if path.is_dir() else None


def obtain(name: str, make: Callable[[Path], None], *, fresh: bool = False) -> Path:
    """The entry of this name, made by calling `make` with an empty folder if it is not there or `fresh` is set.

    One process makes at a time; others wait and find it made. What `make` leaves becomes the entry; if it raises,
    its folder is removed and there is no entry.
    """
    found = entry(name)
    if found is not None and not fresh:
        return found
    root = cache_root()
    root.mkdir(parents=True, exist_ok=True)
    with (root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        final = root / name
        if final.is_dir() and not fresh:
            return final
        work = Path(tempfile.mkdtemp(prefix=f"making-{name}-", dir=root))
        try:
            make(work)
            # Readable by all: a cache made by root may serve the tests of others.
            work.chmod(0o755)
            if final.is_dir():
                shutil.rmtree(final)
            work.rename(final)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return final


def prune(kept: Iterable[str]) -> list[str]:
    """Remove every entry but those named, and what interrupted builds left; returns the names removed."""
    root, kept = cache_root(), set(kept)
    removed = []
    with (root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for folder in sorted(path for path in root.iterdir() if path.is_dir() and path.name not in kept):
            shutil.rmtree(folder)
            removed.append(folder.name)
    return removed
