"""Typed questions to the catalog.

Boundary: answers come as values of `entries`; an unknown thing is None or an empty tuple, never an exception. Rows
become values when they are asked for, since one run touches a handful of more than a thousand.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from gpucarve.catalog import loader, suggestions
from gpucarve.catalog.entries import Board, Confidence, GpuModel, Source, VgpuMode, VgpuType
from gpucarve.model.vgpu import VgpuTypeName, strip_prefix

if TYPE_CHECKING:
    from collections.abc import Mapping


class Catalog:
    """Everything known, by id and by name."""

    __slots__ = ("_boards", "_by_board", "_gpus", "_types", "sources")

    def __init__(self) -> None:
        gpus, boards, types = loader.read("gpus"), loader.read("boards"), loader.read("vgpu-types")
        self._gpus = gpus.rows
        self._boards: dict[str, loader.Row] = {row["code"]: row for row in boards.rows}
        self._types: dict[str, loader.Row] = {row["name"]: row for row in types.rows}
        self._by_board: dict[str, tuple[VgpuType, ...]] = {}
        self.sources: Mapping[str, Source] = {
            code: Source(code, source["title"], Confidence(source["confidence"]))
            for table in (gpus, boards, types)
            for code, source in table.header["sources"].items()
        }

    def gpus(self) -> tuple[GpuModel, ...]:
        """Every GPU, in the order of the data."""
        return tuple(_gpu(row) for row in self._gpus)

    def gpu(self, device_id: str, subsystem_id: str | None = None) -> GpuModel | None:
        """The GPU with these PCI ids (`20b5`; `0x20b5` as sysfs prints it is fine too).

        One device id can stand for two boards. Then an entry that lists subsystem ids wins on a match, one that
        lists none takes the rest, and without a subsystem id the answer is None rather than a guess.
        """
        device, subsystem = _id(device_id), _id(subsystem_id) if subsystem_id else None
        rows = [row for row in self._gpus if device in row["device_ids"]]
        if not any("subsystem_ids" in row for row in rows):
            return _gpu(rows[0]) if rows else None
        if subsystem is None:
            return None
        exact = (row for row in rows if subsystem in row.get("subsystem_ids", ()))
        rest = (row for row in rows if "subsystem_ids" not in row)
        row = next(exact, None) or next(rest, None)
        return _gpu(row) if row else None

    def gpu_model(self, name: str) -> GpuModel | None:
        """The GPU that the catalog calls `name` (its `id`: `a100-pcie-80gb`)."""
        return next((_gpu(row) for row in self._gpus if row["id"] == name), None)

    def boards(self) -> tuple[str, ...]:
        """Every board's code."""
        return tuple(self._boards)

    def board(self, code: str) -> Board | None:
        """The board that vGPU types name (`A100D`)."""
        row = self._boards.get(code)
        return Board(**_frozen(row)) if row else None

    def vgpu_type(self, name: str | VgpuTypeName) -> VgpuType | None:
        """The type with this name, with or without the driver's prefix.

        `GFX` exists only in configuration files; a name that carries it means the type without it (rule N3).
        """
        text = strip_prefix(name) if isinstance(name, str) else str(name)
        row = self._types.get(text) or self._types.get(text.removesuffix("GFX"))
        return _vgpu_type(row) if row else None

    def vgpu_types(self, board: str) -> tuple[VgpuType, ...]:
        """Every type of a board, in the order of the data; none for an unknown board."""
        if board not in self._boards:
            return ()
        if board not in self._by_board:
            rows = (row for row in self._types.values() if row["board"] == board)
            self._by_board[board] = tuple(_vgpu_type(row) for row in rows)
        return self._by_board[board]

    def vgpu_types_by_id(self, type_id: int) -> tuple[VgpuType, ...]:
        """The types that some driver numbers `nvidia-NNN`: for messages, since another driver numbers anew."""
        return tuple(_vgpu_type(row) for row in self._types.values() if row.get("type_id") == type_id)

    def suggest(self, name: str) -> tuple[str, ...]:
        """Names somebody may have meant by one that does not exist, the likeliest first; at most three."""
        return suggestions.suggest(name, tuple(self._types))


@cache
def load() -> Catalog:
    """The catalog of this installation, read once."""
    return Catalog()


def _id(text: str) -> str:
    return text.strip().lower().removeprefix("0x")


def _frozen(row: loader.Row) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}


def _gpu(row: loader.Row) -> GpuModel:
    return GpuModel(**_frozen(row))


def _vgpu_type(row: loader.Row) -> VgpuType:
    return VgpuType(**(_frozen(row) | {"name": VgpuTypeName.parse(row["name"]), "mode": VgpuMode(row["mode"])}))
