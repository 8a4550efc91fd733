"""Where gpucarve keeps its own files on the machine it runs on.

Boundary: paths by the XDG rules; makes nothing.
"""

from __future__ import annotations

from pathlib import Path

import platformdirs


def state() -> Path:
    """The folder of the journal and of crash reports: `~/.local/state/gpucarve`, or below XDG_STATE_HOME."""
    return Path(platformdirs.user_state_dir("gpucarve", appauthor=False))


def journal() -> Path:
    """The journal that is used when no other is named."""
    return state() / "journal.sqlite3"
