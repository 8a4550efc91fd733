"""Reads the catalog's data files: the one place in the pure rooms that reads package data.

Boundary: a file to its header and rows, as plain data. A file holds one JSON object a line; the first says how many
follow, which sources they cite, and which source a column has where a row names none.
"""

from __future__ import annotations

import json
import pkgutil
from typing import Any, NamedTuple

from gpucarve.errors import BugError

Row = dict[str, Any]


class Table(NamedTuple):
    """One data file: its header and its rows in file order."""

    header: Row
    rows: list[Row]


def read(name: str) -> Table:
    """The table `name` (`gpus`, `boards`, `vgpu-types`). Raises BugError when the installation lacks it."""
    # pkgutil, for importlib.resources costs three times the reading itself to import.
    data = pkgutil.get_data("gpucarve.catalog", f"data/{name}.jsonl")
    if data is None:
        raise BugError(f"the catalog's {name} cannot be read from this installation", hint="install gpucarve again")
    header, *rows = json.loads("[" + ",".join(data.decode().splitlines()) + "]")
    return Table(header, rows)
