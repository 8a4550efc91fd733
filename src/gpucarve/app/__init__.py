"""Where settings, transports, journal and engine are joined; what every face calls.

`worlds` is how targets are reached, `surveys` looks at a fleet and drafts, `fits` asks what would fit there, `runs`
carries out and goes on. Each is imported when something of it is first asked for: who only reads a document needs no
engine.

Boundary: no printing and no parsing of command lines.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpucarve.app.fits import PoolQuestion, questions
    from gpucarve.app.fleets import Fleet
    from gpucarve.app.runs import apply, check_saved, unfinished
    from gpucarve.app.surveys import Survey, observe, survey
    from gpucarve.app.worlds import World

__all__ = [
    "Fleet",
    "PoolQuestion",
    "Survey",
    "World",
    "apply",
    "check_saved",
    "observe",
    "questions",
    "survey",
    "unfinished",
]

_ROOMS = {
    "Fleet": "fleets",
    "PoolQuestion": "fits",
    "Survey": "surveys",
    "World": "worlds",
    "apply": "runs",
    "check_saved": "runs",
    "observe": "surveys",
    "questions": "fits",
    "survey": "surveys",
    "unfinished": "runs",
}


def __getattr__(name: str) -> object:
    """What a module of this package holds, as if it were here."""
    if name not in _ROOMS:
        raise AttributeError(f"{__name__!r} has no {name!r}")
    return getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
