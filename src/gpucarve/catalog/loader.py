"""Reads the catalog's data files: the one place in the pure rooms that reads package data.

Boundary: a file to its header and rows, and rows to values. A file holds one JSON object a line; the first says how
many follow, which sources they cite, and where its columns were read. Each file is read when something in it is asked
for, and once.
"""

from __future__ import annotations

import json
import pkgutil
from functools import cache
from typing import Any, NamedTuple, TypeVar

from gpucarve.catalog.sources import Confidence, Source
from gpucarve.errors import BugError

Row = dict[str, Any]
T = TypeVar("T")

HARDWARE = ("gpus", "boards", "vgpu-types", "mig-tables", "mig-profiles", "mig-attributes", "nvml-gi-profiles")
COMPATIBILITY = (
    "vgpu-releases", "vgpu-branches", "vgpu-pairings", "vgpu-first-releases", "vgpu-architectures", "vgpu-guests",
    "vgpu-series", "framebuffer-compression", "driver-branches", "cuda-toolkits", "cuda-majors",
    "cuda-compute-capabilities", "cuda-seen", "kernel-modules", "mig-requirements", "operator-releases",
    "operator-validated", "operator-lines", "operator-behaviour", "operator-vgpu-gpus", "kubevirt-minimums",
    "kubevirt-broken", "kubevirt-apis", "kubevirt-behaviour", "node-labels", "node-operands", "mig-labels",
    "resource-names", "naming-facts", "host-interfaces", "nova-changes", "nova-releases", "nova-live-migration",
    "disagreements", "integer-throughput", "float-throughput", "hash-rates",
)  # fmt: skip

# Columns whose own source has not their full name.
_SPELLED_OTHERWISE = {"framebuffer_mib": "framebuffer_source", "max_per_gpu": "max_source"}


class Table(NamedTuple):
    """One data file: its header and its rows in file order."""

    header: Row
    rows: list[Row]


@cache
def read(name: str) -> Table:
    """The table `name` (`gpus`, `vgpu-releases`). Raises BugError when the installation lacks it."""
    header, *rows = json.loads("[" + ",".join(_text(name).splitlines()) + "]")
    return Table(header, rows)


@cache
def entries(name: str, kind: type[T]) -> tuple[T, ...]:
    """Every row of a table as a value of `kind`, whose fields are the table's keys."""
    return tuple(kind(**frozen(row)) for row in read(name).rows)


def frozen(row: Row) -> dict[str, Any]:
    """A row whose lists are tuples, at any depth."""
    return {key: _tuples(value) for key, value in row.items()}


@cache
def sources(name: str) -> dict[str, Source]:
    """What a table cites, by code; reads its header alone."""
    header = json.loads(_text(name).partition("\n")[0])
    return {
        code: Source(code, each["title"], Confidence(each["confidence"])) for code, each in header["sources"].items()
    }


def cited(name: str, row: Row) -> dict[str, Source]:
    """The source of each fact in one row of a table: the row's own word, else its column's, else the table's.

    A word about facts that stand in another table (a card's `placements_source`) counts under its own name.
    """
    header, known, found = read(name).header, sources(name), {}
    for column in row:
        if is_source(column):
            about = column.removesuffix("_source")
            if about not in (*row, "source") and column not in _SPELLED_OTHERWISE.values():
                found[about] = known[row[column]]
            continue
        own = row.get(_SPELLED_OTHERWISE.get(column, f"{column}_source")) or row.get("source")
        code = own or header["columns"].get(column) or header.get("source")
        if code is not None:
            found[column] = known[code]
    return found


def is_source(column: str) -> bool:
    """Whether a column names a source rather than a fact."""
    return column == "source" or column.endswith("_source")


def _text(name: str) -> str:
    # pkgutil, for importlib.resources costs three times the reading itself to import.
    try:
        data = pkgutil.get_data("gpucarve.catalog", f"data/{name}.jsonl")
    except OSError:
        data = None
    if data is None:
        raise BugError(f"the catalog's {name} cannot be read from this installation", hint="install gpucarve again")
    return data.decode()


def _tuples(value: Any) -> Any:
    return tuple(_tuples(each) for each in value) if isinstance(value, list) else value
