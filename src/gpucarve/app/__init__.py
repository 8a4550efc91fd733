"""Where settings, transports, journal and engine are joined; what every face calls.

`worlds` is how targets are reached, `surveys` looks at a fleet and drafts, `fits` asks what would fit there, `runs`
carries out and goes on.

Boundary: no printing and no parsing of command lines.
"""

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
