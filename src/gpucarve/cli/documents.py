"""The fleet document that a verb is given.

Boundary: a file of the user is opened here, with a bound. It imports no engine: `validate` needs none.
"""

from __future__ import annotations

import sys
from pathlib import Path

from gpucarve import spec
from gpucarve.app import limits
from gpucarve.app.fleets import Fleet
from gpucarve.cli.misuse import Misuse
from gpucarve.spec.text import LARGEST


def fleet(file: str, limit: tuple[str, ...] = ()) -> tuple[Fleet, Path]:
    """The document, limited to the hosts that these names mean, and the folder that its relative paths start from.

    Raises DocumentError, Misuse.
    """
    found, folder = _fleet(file)
    if not limit:
        return found, folder
    try:
        return found.limited(limits.targets(found.spec, limit)), folder
    except ValueError as error:
        raise Misuse(str(error), "give --limit a HOST, SITE/HOST or POOL of the document") from error


def _fleet(file: str) -> tuple[Fleet, Path]:
    if file == "-":
        text = sys.stdin.buffer.read(LARGEST + 1)
        return Fleet.of(spec.load(text, "<stdin>"), text), Path()
    text = bounded(Path(file), LARGEST, "name a fleet document with -f; docs/fleet-document.md shows a whole one")
    return Fleet.of(spec.load(text, file), text), Path(file).parent


def bounded(path: Path, limit: int, hint: str) -> bytes:
    """At most one byte more than the limit, so that whoever judges the content sees that it is too long."""
    try:
        with path.open("rb") as file:
            return file.read(limit + 1)
    except OSError as error:
        raise Misuse(f"{path} cannot be read: {error.strerror}", hint) from error
